// Bot is a grid trader that survives what goes wrong: answers that are lost, orders
// that may or may not exist, an exchange that is busy, a clock that jumps. It ends
// flat, with books that agree with the exchange's.
//
//	go run ./examples/bot                    # a test exchange in this process, one call in ten goes wrong
//	go run ./examples/bot -venue kraken -faults 0.3 -seed 7
//	BINANCE_API_KEY=… BINANCE_API_SECRET=… go run ./examples/bot -venue binance:testnet
//
// It trades on test environments only. Ctrl-C ends it flat, too.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"sync"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
	"github.com/exauth/exauth/venue"
)

func main() {
	var s settings
	flag.StringVar(&s.venue, "venue", "binance", "binance, kraken or okx on a test exchange here; binance:testnet, okx:demo with keys from the environment")
	flag.IntVar(&s.rounds, "rounds", 300, "how often to look at every level")
	flag.Float64Var(&s.faults, "faults", 0.1, "share of calls that go wrong on the test exchange")
	flag.Uint64Var(&s.seed, "seed", 1, "of the faults and of the market here")
	flag.IntVar(&s.levels, "levels", 3, "levels above and below the price")
	flag.Float64Var(&s.step, "step", 0.002, "between two levels, as a share of the price")
	flag.StringVar(&s.journal, "journal", "", "file that keeps what is in flight, so that the next run finds it")
	flag.StringVar(&s.qty, "qty", "0.001", "size of an order")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, s, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bot:", err)
		os.Exit(1)
	}
}

type settings struct {
	venue, qty     string
	journal        string
	rounds, levels int
	faults, step   float64
	seed           uint64
}

// A stage is where the bot trades: the test exchange here, or somebody's testnet.
type stage struct {
	client  *exauth.Client
	journal *exauth.Journal      // nil when none is kept
	server  *exchangetest.Server // nil when the exchange is somebody else's
	say     dialect
	every   time.Duration
	stop    func()
}

func run(ctx context.Context, s settings, out io.Writer) error {
	st, err := open(s, out)
	if err != nil {
		return err
	}
	defer st.stop()
	return st.trade(ctx, s, out)
}

// shared is a writer for several goroutines: the switch's keeper has something to say
// at times.
type shared struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}

// trade is the bot's life.
func (st *stage) trade(ctx context.Context, s settings, out io.Writer) error {
	out = &shared{w: out}
	if err := st.recover(ctx, out); err != nil {
		return err
	}
	before, price, err := st.begin(ctx, out)
	if err != nil {
		return err
	}
	qty, ok := new(big.Rat).SetString(s.qty)
	if !ok || qty.Sign() <= 0 || s.levels < 1 || s.step <= 0 {
		return errors.New("-qty, -levels and -step must be positive")
	}
	g := newGrid(st.client, st.say, out, price, tick(new(big.Rat).Mul(price, new(big.Rat).SetFloat64(s.step))), qty, s.levels)
	fmt.Fprintf(out, "%s: %d levels around %s, %s %s each; %d rounds\n", st.say.symbol, len(g.levels), decimal(price), decimal(qty), st.say.base, s.rounds)

	living, die := context.WithCancel(context.WithoutCancel(ctx))
	defer die()
	go g.keepAlive(living, time.Minute)
	if st.server != nil {
		go walk(living, st.server, st.say.symbol, price, s.seed)
	}
	said := time.Now()
	for i := range s.rounds {
		g.round(ctx)
		if pause(ctx, st.every) != nil {
			fmt.Fprintln(out, "interrupted: closing everything")
			break
		}
		if time.Since(said) > time.Second {
			said = time.Now()
			fmt.Fprintf(out, "  round %d: %s\n", i+1, g.line())
		}
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
	defer cancel()
	if err := g.flatten(end); err != nil {
		return err
	}
	fmt.Fprintf(out, "flat: %s\n", g.line())
	die()
	return st.finish(end, g, before, out)
}

// open starts the test exchange, or takes keys for a testnet from the environment.
func open(s settings, out io.Writer) (*stage, error) {
	name, environment, remote := strings.Cut(s.venue, ":")
	say, ok := dialects[name]
	if !ok {
		return nil, fmt.Errorf("no venue %q here; there are binance, kraken and okx", name)
	}
	st := &stage{say: say(), every: 10 * time.Millisecond}
	// A short receive window settles doubts sooner: after it an order cannot be
	// accepted any more.
	opts := &exauth.Options{RecvWindow: time.Second, Timeout: time.Second}
	if s.journal != "" {
		j, err := exauth.OpenJournal(s.journal)
		if err != nil {
			return nil, err
		}
		st.journal, opts.Journal = j, j
	}
	st.stop = func() {
		if st.client != nil {
			st.client.Close()
		}
		if st.server != nil {
			st.server.Close()
		}
		if st.journal != nil {
			st.journal.Close()
		}
	}
	if err := st.connect(name, environment, remote, s, opts); err != nil {
		st.stop()
		return nil, err
	}
	if st.server != nil {
		fmt.Fprintf(out, "a test exchange that speaks %s at %s, where %.0f %% of all calls go wrong\n", name, st.server.URL(), 100*s.faults)
	}
	return st, nil
}

// connect makes the client, and the test exchange if that is where to trade.
func (st *stage) connect(name, environment string, remote bool, s settings, opts *exauth.Options) error {
	if remote {
		v, ok := venue.ByName(s.venue)
		if !ok || environment == "" {
			return fmt.Errorf("%s has no test environment %q", name, environment)
		}
		c, err := exauth.New(v, exauth.EnvKey(strings.ToUpper(name)), &exauth.Options{Journal: opts.Journal})
		st.client, st.every = c, 2*time.Second
		return err
	}
	v, _ := venue.ByName(name)
	// Everything that can go wrong but bans: waiting for their end takes minutes.
	mix := exchangetest.FaultMix(s.faults, exchangetest.Fault418, exchangetest.Fault429)
	srv, err := exchangetest.Start(v, &exchangetest.Options{Faults: mix, Seed: s.seed})
	if err != nil {
		return err
	}
	st.server = srv
	if v.MaxRecvWindow == 0 {
		opts.RecvWindow = 0
	}
	opts.HTTPClient = srv.Client()
	// It enforces no quotas. Elsewhere the bot is paced by the venue's, which is exauth's
	// default.
	opts.Limiter = exauth.NewLimiter(v, &exauth.LimiterOptions{Off: true})
	st.client, err = exauth.New(srv.Venue(), srv.Key(exauth.ScopeTradeSpot).Credential(), opts)
	return err
}

// recover finds out what the last run had in flight when it ended, and cancels what
// it may have left open. What it had bought and not sold is not this run's.
func (st *stage) recover(ctx context.Context, out io.Writer) error {
	if st.journal == nil {
		return nil
	}
	var left []*exauth.Error
	placing := st.say.place(order{qty: new(big.Rat)})
	for _, e := range st.journal.Recent() {
		if e.Outcome == exauth.OutcomeAccepted && e.Method == placing.Method && e.Path == placing.Path {
			left = append(left, e)
		}
	}
	left = left[max(0, len(left)-100):] // many more than are ever open at once
	for _, e := range st.journal.Pending() {
		r, err := st.client.Resolve(ctx, e)
		if r.Outcome == exauth.OutcomeUnknown {
			return fmt.Errorf("order %s of the last run is still in doubt: %w", e.ClientOrderID, err)
		}
		if r.Outcome == exauth.OutcomeAccepted {
			left = append(left, e)
		}
		fmt.Fprintf(out, "order %s was in flight when the last run ended: %s\n", e.ClientOrderID, r.Outcome)
	}
	for _, e := range left {
		_, err := st.client.Do(ctx, st.say.cancel(e.ClientOrderID))
		switch {
		case err == nil:
			fmt.Fprintf(out, "order %s of the last run was open, and is canceled\n", e.ClientOrderID)
		case !errors.Is(err, exauth.ErrUnknownOrder): // that one is not open any more
			return err
		}
	}
	return nil
}

// begin reads the balances and the price, however often that takes.
func (st *stage) begin(ctx context.Context, out io.Writer) (before map[string]*big.Rat, price *big.Rat, err error) {
	for range 20 {
		if before, err = st.balances(ctx); err == nil {
			if price, err = st.price(ctx); err == nil {
				return before, price, nil
			}
		}
		fmt.Fprintln(out, "  not ready:", err)
		if pause(ctx, st.every) != nil {
			break
		}
	}
	return nil, nil, err
}

func (st *stage) balances(ctx context.Context) (map[string]*big.Rat, error) {
	resp, err := st.client.Do(ctx, st.say.balances)
	if err != nil {
		return nil, err
	}
	return st.say.readBalance(resp.Payload)
}

func (st *stage) price(ctx context.Context) (*big.Rat, error) {
	resp, err := st.client.Do(ctx, st.say.price)
	if err != nil {
		return nil, err
	}
	p, err := st.say.readPrice(resp.Payload)
	if err != nil {
		return nil, err
	}
	return tick(p), nil
}

// tick rounds a price to a tenth, which every venue here takes.
func tick(p *big.Rat) *big.Rat {
	r, _ := new(big.Rat).SetString(p.FloatString(1))
	return r
}

// finish disarms the dead man's switch and compares the books.
func (st *stage) finish(ctx context.Context, g *grid, before map[string]*big.Rat, out io.Writer) error {
	for st.say.alive != nil {
		if _, err := st.client.Do(ctx, st.say.alive(0)); err == nil {
			break
		} else if pause(ctx, st.every) != nil {
			return err
		}
	}
	var after map[string]*big.Rat
	for after == nil {
		var err error
		if after, err = st.balances(ctx); err != nil && pause(ctx, st.every) != nil {
			return err
		}
	}
	base := new(big.Rat).Sub(after[st.say.base], before[st.say.base])
	quote := new(big.Rat).Sub(after[st.say.quote], before[st.say.quote])
	fmt.Fprintf(out, "books:    %s %s, %s %s\nexchange: %s %s, %s %s\n", decimal(&g.books.base), st.say.base, decimal(&g.books.quote), st.say.quote,
		decimal(base), st.say.base, decimal(quote), st.say.quote)
	if st.server != nil {
		fmt.Fprintf(out, "orders executed twice: %d\n", len(st.server.Twice()))
	}
	if base.Cmp(&g.books.base) != 0 || quote.Cmp(&g.books.quote) != 0 {
		if st.server == nil {
			fmt.Fprintln(out, "the difference is the exchange's fees, or somebody else's trading")
			return nil
		}
		return errors.New("the books do not agree")
	}
	fmt.Fprintln(out, "the books agree")
	return nil
}

// walk is the market of the test exchange: the price goes up and down, and fills
// what it crosses.
func walk(ctx context.Context, srv *exchangetest.Server, symbol string, price *big.Rat, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	at, _ := price.Float64()
	for away := 0.0; pause(ctx, 30*time.Millisecond) == nil; {
		away = away*0.99 + (rng.Float64()-0.5)*0.002
		_ = srv.SetPrice(symbol, fmt.Sprintf("%.1f", at*(1+away))) // a symbol and a price of the exchange's own
	}
}

// line says what happened so far.
func (g *grid) line() string {
	n := g.seen
	return fmt.Sprintf("%d placed, %d bought, %d sold; %d in doubt (%d existed, %d did not), %d refused, %d canceled, %d calls asked again",
		n.placed, n.bought, n.sold, n.doubted, n.existed, n.absent, n.refused, n.canceled, n.troubles)
}
