package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

func usageCommand() command {
	return command{name: "usage", args: "[-days N] [-key FINGERPRINT] LOG", short: "review a usage log, key by key, as one does once a week",
		help: `
LOG is what a program writes with exauth.OpenUsageLog; the older files it was rotated
to (LOG.1, LOG.2 …) are read as well. What is older than -days only tells what is
new. Look at: endpoints and symbols that are new, withdrawals, authentication
failures, and keys that did nothing (revoke those).`,
		run: func(e *env, fs *flag.FlagSet) func(context.Context, []string) error {
			days := fs.Int("days", 7, "how far back to look, in `days`")
			key := fs.String("key", "", "only the key of this `fingerprint`")
			return func(_ context.Context, args []string) error {
				if len(args) != 1 || *days <= 0 {
					return usagef("usage takes one log, and -days above 0")
				}
				return e.review(args[0], *days, *key)
			}
		}}
}

func (e *env) review(path string, days int, key string) error {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	done := e.busy("reading " + path)
	v := exauth.ReviewUsage(exauth.ReadUsageFile(path), e.now().AddDate(0, 0, -days))
	done()
	kept := v.Keys[:0]
	for _, k := range v.Keys {
		if key == "" || k.Key == key {
			kept = append(kept, k)
		}
	}
	v.Keys = kept
	return e.print(jsonReview(v), func(w io.Writer) {
		fmt.Fprintf(w, "%s to %s\n", v.From.Format("2006-01-02 15:04"), e.now().Format("2006-01-02 15:04"))
		for _, k := range v.Keys {
			e.reviewKey(w, k)
		}
		if len(v.Keys) == 0 {
			fmt.Fprintln(w, "no calls")
		}
		if v.Skipped > 0 {
			fmt.Fprintf(w, "\n%d lines were no records and were skipped\n", v.Skipped)
		}
	})
}

func (e *env) reviewKey(w io.Writer, k exauth.KeyUsage) {
	where := k.Venue
	if k.Environment != "" {
		where += ":" + k.Environment
	}
	if k.Account != "" {
		where += ", account " + k.Account
	}
	name := "without a key"
	if k.Key != "" {
		name = "key " + k.Key
	}
	fmt.Fprintf(w, "\n%s, %s\n", where, name)
	if k.Attempts == 0 {
		idle := int(e.now().Sub(k.Last).Hours() / 24)
		fmt.Fprintf(w, "  not used since %s, %d days\n", day(k.Last), idle)
		if idle >= 30 && k.Key != "" {
			fmt.Fprintf(w, "  ! idle for 30 days or more: revoke it\n")
		}
		return
	}
	rows := [][]string{
		{"  attempts", fmt.Sprintf("%d, %d sent, %d refused here", k.Attempts, k.Sent, k.Refused)},
		{"  failed", fmt.Sprintf("%d of those sent%s", k.Failed, within(k.Kinds))},
		{"  latency", fmt.Sprintf("median %s, 99 of 100 below %s", k.P50, k.P99)},
		{"  scope used", k.Scope.String()},
		{"  endpoints", top(k.Endpoints, 5)},
	}
	if len(k.Symbols) > 0 {
		rows = append(rows, []string{"  symbols", top(k.Symbols, 8)})
	}
	if len(k.Costs) > 0 {
		rows = append(rows, []string{"  cost", top(k.Costs, 5)})
	}
	table(w, rows)
	for _, one := range []struct {
		n    int
		text string
	}{
		{k.Withdrawals, "withdrawals attempted"}, {k.AuthFailures, "refusals of the key, its signature or its address"},
		{k.Unknown, "writes whose fate is unknown"}, {k.RateLimited, "refusals for too many calls"},
	} {
		if one.n > 0 {
			fmt.Fprintf(w, "  ! %d %s\n", one.n, one.text)
		}
	}
	if len(k.NewEndpoints) > 0 {
		fmt.Fprintf(w, "  ! new: %s\n", strings.Join(k.NewEndpoints, ", "))
	}
	if len(k.NewSymbols) > 0 {
		fmt.Fprintf(w, "  ! new symbols: %s\n", strings.Join(k.NewSymbols, ", "))
	}
}

func within(kinds []exauth.UsageCount) string {
	if len(kinds) == 0 {
		return ""
	}
	return "; errors: " + top(kinds, 6)
}

func top(list []exauth.UsageCount, n int) string {
	var parts []string
	for i, c := range list {
		if i == n {
			parts = append(parts, fmt.Sprintf("and %d more", len(list)-n))
			break
		}
		parts = append(parts, c.Name+" "+strconv.Itoa(c.N))
	}
	return strings.Join(parts, ", ")
}

// jsonReview is a review with lasting names.
func jsonReview(v exauth.UsageReview) any {
	type key struct {
		Venue        string         `json:"venue"`
		Environment  string         `json:"environment,omitempty"`
		Account      string         `json:"account,omitempty"`
		Key          string         `json:"key,omitempty"`
		First        time.Time      `json:"first"`
		Last         time.Time      `json:"last"`
		Attempts     int            `json:"attempts"`
		Sent         int            `json:"sent"`
		Failed       int            `json:"failed"`
		Refused      int            `json:"refused"`
		AuthFailures int            `json:"auth_failures"`
		RateLimited  int            `json:"rate_limited"`
		Unknown      int            `json:"unknown"`
		Withdrawals  int            `json:"withdrawals"`
		Scope        string         `json:"scope"`
		Endpoints    map[string]int `json:"endpoints"`
		Symbols      map[string]int `json:"symbols"`
		Errors       map[string]int `json:"errors"`
		Costs        map[string]int `json:"costs"`
		NewEndpoints []string       `json:"new_endpoints"`
		NewSymbols   []string       `json:"new_symbols"`
		P50MS        float64        `json:"p50_ms"`
		P99MS        float64        `json:"p99_ms"`
	}
	out := struct {
		From    time.Time `json:"from"`
		To      time.Time `json:"to"`
		Skipped int       `json:"skipped"`
		Keys    []key     `json:"keys"`
	}{v.From, v.To, v.Skipped, []key{}}
	counts := func(list []exauth.UsageCount) map[string]int {
		m := map[string]int{}
		for _, c := range list {
			m[c.Name] = c.N
		}
		return m
	}
	for _, k := range v.Keys {
		out.Keys = append(out.Keys, key{k.Venue, k.Environment, k.Account, k.Key, k.First, k.Last, k.Attempts, k.Sent, k.Failed, k.Refused,
			k.AuthFailures, k.RateLimited, k.Unknown, k.Withdrawals, k.Scope.String(), counts(k.Endpoints), counts(k.Symbols), counts(k.Kinds),
			counts(k.Costs), append([]string{}, k.NewEndpoints...), append([]string{}, k.NewSymbols...),
			float64(k.P50) / 1e6, float64(k.P99) / 1e6})
	}
	return out
}
