// Tracker shows what somebody owns on five exchanges, in one table, with prices from
// two data venues. It can only read: its clients refuse everything else before a key
// is even asked for, and its keys are picked narrow from one keys file.
//
//	go run ./examples/tracker                  # test exchanges in this process, one of them down
//	go run ./examples/tracker -keys keys.json  # your own read-only keys; see exauth.FileKey for the file
//	go run ./examples/tracker -json
//
// A venue that does not answer costs its row and not the table. The exit code is 0
// when every venue answered, 1 when some did not, 2 when none did.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/big"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

func main() {
	keys := flag.String("keys", os.Getenv("TRACKER_KEYS"), "keys file with read-only keys; without one, test exchanges are asked")
	asJSON := flag.Bool("json", false, "write JSON instead of a table")
	timeout := flag.Duration("timeout", 15*time.Second, "how long to wait for the slowest venue")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	code, err := run(ctx, *keys, *asJSON, os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "tracker:", err)
	}
	os.Exit(code)
}

// run asks everybody and writes what came back.
func run(ctx context.Context, keys string, asJSON bool, out, progress io.Writer) (code int, err error) {
	places := map[string]place{}
	for name, v := range venues() {
		places[name] = place{venue: v}
	}
	if keys == "" {
		d, err := openDemo(places)
		if err != nil {
			return 2, err
		}
		defer d.close()
		keys = d.keys
	}
	for name, p := range places {
		if name != "coinpaprika" { // its free plan takes none
			p.keys = exauth.FileKey(keys)
		}
		places[name] = p
	}
	r, err := track(ctx, places, progress)
	if err != nil {
		return 2, err
	}
	if asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		err = enc.Encode(r)
	} else {
		err = r.table(out)
	}
	switch {
	case err != nil:
		return 2, err
	case len(r.Missing) == len(places):
		return 2, nil
	case len(r.Missing) > 0:
		return 1, nil
	}
	return 0, nil
}

// A place is a venue and how it is asked.
type place struct {
	venue *exauth.Venue
	keys  exauth.KeySource // nil where no key is wanted
	opts  exauth.Options
}

// venues are those that the tracker knows, by name.
func venues() map[string]*exauth.Venue {
	list := map[string]*exauth.Venue{}
	for _, name := range append(slices.Collect(maps.Keys(readers)), slices.Collect(maps.Keys(pricers))...) {
		list[name], _ = venue.ByName(name)
	}
	return list
}

// A result is the table. Amounts and prices are decimals, as text.
type result struct {
	Assets  []row             `json:"assets"`
	Total   string            `json:"total_usd"`
	Venues  []string          `json:"venues"`            // that answered
	Missing map[string]string `json:"missing,omitempty"` // venue: why
}

type row struct {
	Asset    string            `json:"asset"`
	Held     map[string]string `json:"held"` // by venue
	Sum      string            `json:"sum"`
	Price    string            `json:"price_usd,omitempty"`
	Value    string            `json:"value_usd,omitempty"`
	Disagree bool              `json:"prices_disagree,omitempty"` // by more than a hundredth
}

// track asks the exchanges for balances, all at once, and then the data venues for
// prices of what is held.
func track(ctx context.Context, places map[string]place, progress io.Writer) (*result, error) {
	r := &result{Missing: map[string]string{}}
	p := &meter{out: progress, all: len(places)}
	held := map[string]holding{}
	each(slices.Sorted(maps.Keys(readers)), func(name string) error {
		var h holding
		err := places[name].with(func(c *exauth.Client) (err error) {
			h, err = readers[name](ctx, c)
			return err
		})
		p.done(name, err)
		p.mu.Lock()
		defer p.mu.Unlock()
		if err == nil {
			held[name] = h
		}
		return err
	}, r)
	assets := assetsOf(held)
	found := map[string]prices{}
	if len(assets) > 0 {
		each(slices.Sorted(maps.Keys(pricers)), func(name string) error {
			var list prices
			err := places[name].with(func(c *exauth.Client) (err error) {
				list, err = pricers[name](ctx, c, assets)
				return err
			})
			p.done(name, err)
			p.mu.Lock()
			defer p.mu.Unlock()
			found[name] = list // what was told before it failed, too
			return err
		}, r)
	}
	p.end()
	r.fill(assets, held, found)
	if len(held) == 0 {
		return r, fmt.Errorf("no exchange answered: %s", r.reasons())
	}
	return r, nil
}

// with makes a client that can only read, for one job.
func (p place) with(job func(*exauth.Client) error) error {
	p.opts.Scope = exauth.ScopeRead
	c, err := exauth.New(p.venue, p.keys, &p.opts)
	if err != nil {
		return err
	}
	defer c.Close()
	return job(c)
}

// each runs job for all names at once and notes which failed.
func each(names []string, job func(name string) error, r *result) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, name := range names {
		wg.Go(func() {
			err := job(name)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				r.Missing[name] = reason(err)
			} else {
				r.Venues = append(r.Venues, name)
			}
		})
	}
	wg.Wait()
	slices.Sort(r.Venues)
}

// reason is what a reader can act on. exauth's errors hold no secrets.
func reason(err error) string {
	switch {
	case errors.Is(err, exauth.ErrNoKey):
		return "no key: " + err.Error()
	case errors.Is(err, exauth.ErrKey), errors.Is(err, exauth.ErrSignature), errors.Is(err, exauth.ErrPassphrase):
		return "the key was refused; is it revoked, or of another environment? " + err.Error()
	case errors.Is(err, exauth.ErrIPNotAllowed):
		return "the key's IP list does not have this machine: " + err.Error()
	}
	return err.Error()
}

// meter is the progress line.
type meter struct {
	mu        sync.Mutex
	out       io.Writer
	n, all, w int
}

func (p *meter) done(name string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n++
	word := "answered"
	if err != nil {
		word = "did not answer"
	}
	line := fmt.Sprintf("%d of %d: %s %s", p.n, p.all, name, word)
	fmt.Fprintf(p.out, "\r%-*s", p.w, line)
	p.w = max(p.w, len(line))
}

func (p *meter) end() { fmt.Fprintf(p.out, "\r%-*s\r", p.w, "") }

func assetsOf(held map[string]holding) []string {
	set := map[string]bool{}
	for _, h := range held {
		for asset, amount := range h {
			if amount.Sign() != 0 {
				set[asset] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// fill makes the rows, dearest first.
func (r *result) fill(assets []string, held map[string]holding, found map[string]prices) {
	total := new(big.Rat)
	values := map[string]*big.Rat{}
	for _, asset := range assets {
		row, sum := row{Asset: asset, Held: map[string]string{}}, new(big.Rat)
		for name, h := range held {
			if a := h[asset]; a != nil && a.Sign() != 0 {
				row.Held[name] = decimal(a, 8)
				sum.Add(sum, a)
			}
		}
		row.Sum = decimal(sum, 8)
		values[asset] = new(big.Rat)
		if price, disagree := middle(asset, found); price != nil {
			values[asset].Mul(sum, price)
			total.Add(total, values[asset])
			row.Price, row.Value, row.Disagree = decimal(price, 6), values[asset].FloatString(2), disagree
		}
		r.Assets = append(r.Assets, row)
	}
	slices.SortStableFunc(r.Assets, func(a, b row) int { return values[b.Asset].Cmp(values[a.Asset]) })
	r.Total = total.FloatString(2)
}

// middle is the mean of the prices there are.
func middle(asset string, found map[string]prices) (price *big.Rat, disagree bool) {
	if asset == "USD" {
		return big.NewRat(1, 1), false
	}
	var all []*big.Rat
	for _, list := range found {
		if p := list[asset]; p != nil {
			all = append(all, p)
		}
	}
	if len(all) == 0 {
		return nil, false
	}
	low, high, sum := all[0], all[0], new(big.Rat)
	for _, p := range all {
		sum.Add(sum, p)
		if p.Cmp(low) < 0 {
			low = p
		}
		if p.Cmp(high) > 0 {
			high = p
		}
	}
	far := new(big.Rat).Mul(low, big.NewRat(101, 100))
	return sum.Quo(sum, big.NewRat(int64(len(all)), 1)), high.Cmp(far) > 0
}

func (r *result) reasons() string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(r.Missing)) {
		list = append(list, name+": "+r.Missing[name])
	}
	return strings.Join(list, "; ")
}

// table writes the result for people.
func (r *result) table(out io.Writer) error {
	var columns []string
	for _, name := range r.Venues {
		if readers[name] != nil {
			columns = append(columns, name)
		}
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "asset\t%s\tsum\tprice\tUSD\t\n", strings.Join(columns, "\t"))
	for _, a := range r.Assets {
		fmt.Fprintf(w, "%s\t", a.Asset)
		for _, name := range columns {
			fmt.Fprintf(w, "%s\t", cmp.Or(a.Held[name], "-"))
		}
		mark := ""
		if a.Disagree {
			mark = "~"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t\n", a.Sum, mark+cmp.Or(a.Price, "?"), cmp.Or(a.Value, "?"))
	}
	fmt.Fprintf(w, "total\t%s\t\t\t%s\t\n", strings.Repeat("\t", max(len(columns)-1, 0)), r.Total)
	if err := w.Flush(); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(r.Missing)) {
		fmt.Fprintf(out, "without %s: %s\n", name, r.Missing[name])
	}
	return nil
}

// decimal writes r with at most n decimals.
func decimal(r *big.Rat, n int) string {
	s := r.FloatString(n)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}
