package exauth_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

// What a key does is written down and watched; once a week a person looks at it.
func ExampleOpenUsageLog() {
	dir, err := os.MkdirTemp("", "usage")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "usage.jsonl")
	log, err := exauth.OpenUsageLog(path, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer log.Close()
	alerts := exauth.NewAlerts(func(a exauth.Alert) { fmt.Println(a.Kind, a.Method, a.Route, a.Outcome) }, nil)
	alerts.Learn(exauth.ReadUsageFile(path)) // what the keys were used for before

	c, err := exauth.New(venue.Kraken(), exauth.NewSecretKey("key-id", "c2VjcmV0LXNlY3JldA=="), &exauth.Options{
		Observer: exauth.Observers(log.Observe, alerts.Observe),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	// This client may read and trade; an attempt to withdraw is refused, and seen.
	_, err = c.Do(bg, exauth.Call{Method: http.MethodPost, Path: "/0/private/Withdraw", Params: exauth.Params{{Name: "asset", Value: "XBT"}}})
	fmt.Println(exauth.KindName(err))

	for _, k := range exauth.ReviewUsage(exauth.ReadUsageFile(path), time.Now().AddDate(0, 0, -7)).Keys {
		fmt.Println(k.Venue, k.Attempts, "attempts,", k.Refused, "refused here,", k.Withdrawals, "withdrawals")
	}
	// Output:
	// withdrawal POST /0/private/Withdraw not sent
	// scope
	// kraken 1 attempts, 1 refused here, 1 withdrawals
}
