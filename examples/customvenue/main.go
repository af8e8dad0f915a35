// Customvenue teaches exauth an exchange it does not know: everything an exchange
// is fits between the two lines of dashes. It signs one order and prints the wire,
// without sending anything.
package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"log"
	"net/http/httputil"
	"strconv"

	"github.com/exauth/exauth"
)

// ---------------------------------------------------------------------------

// acme is an exchange that signs timestamp ++ method ++ path?query ++ body with
// HMAC-SHA256, in hex, in a header.
func acme() *exauth.Venue {
	return &exauth.Venue{
		Name:        "acme",
		BaseURL:     "https://api.acme.example",
		Algorithms:  []exauth.Algorithm{exauth.HMACSHA256},
		Signer:      exauth.UTF8Secret(exauth.HMACSHA256),
		AuthHeaders: []string{"Acme-Key", "Acme-Time", "Acme-Sign"},
		GETReads:    true,
		Style: func(method, path string, _ exauth.Params) exauth.Style {
			if method == "GET" || method == "DELETE" {
				return exauth.StyleQuery
			}
			return exauth.StyleJSON
		},
		Scheme: exauth.SchemeFunc(func(ctx context.Context, r *exauth.Request) error {
			stamp := strconv.FormatInt(r.Time.UnixMilli(), 10)
			sig, err := r.Sign(ctx, nil, []byte(stamp+r.Method+r.RequestURI()+string(r.Body)))
			if err != nil {
				return err
			}
			r.SetHeader("Acme-Key", r.KeyID())
			r.SetHeader("Acme-Time", stamp)
			r.SetHeader("Acme-Sign", hex.EncodeToString(sig))
			return nil
		}),
	}
}

// ---------------------------------------------------------------------------

func main() {
	if _, err := exauth.New(acme(), exauth.NewSecretKey("acme-key-1", "not a secret, an example"), nil); err != nil {
		fmt.Println("refused:", err) // the secret holds spaces: copied wrongly, says exauth, without showing it
	}
	client, err := exauth.New(acme(), exauth.NewSecretKey("acme-key-1", "not-a-secret-but-an-example"), nil)
	if err != nil {
		log.Fatal(err)
	}
	req, err := client.Sign(context.Background(), exauth.Call{
		Method: "POST",
		Path:   "/v1/orders",
		Params: exauth.Params{{Name: "symbol", Value: "BTC-EUR"}, {Name: "side", Value: "buy"}, {Name: "price", Value: "61250.10"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	wire, err := httputil.DumpRequestOut(req, true)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", wire)
}
