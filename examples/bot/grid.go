package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/big"
	"time"

	"github.com/exauth/exauth"
)

// A grid buys one step below what it sold at, and sells one step above what it
// bought at. It has one order per level and never more: a level whose order may or
// may not exist waits until exauth has found out.
type grid struct {
	client *exauth.Client
	say    dialect
	out    io.Writer // what the user reads
	qty    *big.Rat
	levels []*level
	books  books
	seen   counts
}

// A level is one price of the grid and the order that is there.
type level struct {
	price *big.Rat
	buy   bool
	id    string      // of the order that is open, "" when there is none
	doubt chan answer // not nil while nobody knows what became of the order
}

// An answer is what Client.Resolve found out.
type answer struct {
	resolution exauth.Resolution
	err        error
	asked      *exauth.Error
}

// books are what the bot believes it has traded. They are to agree with the
// exchange's in the end.
type books struct{ base, quote big.Rat }

type counts struct{ placed, refused, doubted, existed, absent, canceled, bought, sold, troubles int }

// newGrid makes n levels on each side of a price.
func newGrid(c *exauth.Client, say dialect, out io.Writer, price, step, qty *big.Rat, n int) *grid {
	g := &grid{client: c, say: say, out: out, qty: qty}
	for i := -n; i <= n; i++ {
		if i != 0 {
			at := new(big.Rat).Mul(step, big.NewRat(int64(i), 1))
			g.levels = append(g.levels, &level{price: at.Add(at, price), buy: i < 0})
		}
	}
	return g
}

// round looks at every level once.
func (g *grid) round(ctx context.Context) {
	for i, l := range g.levels {
		switch {
		case ctx.Err() != nil:
			return
		case l.doubt != nil:
			select {
			case a := <-l.doubt:
				g.settled(ctx, l, a)
			default: // not yet
			}
		case l.id == "":
			g.place(ctx, l, order{buy: l.buy, qty: g.qty, price: l.price})
		default:
			g.look(ctx, i, l)
		}
	}
}

// place sends an order. There are three ways it can end, and no fourth.
func (g *grid) place(ctx context.Context, l *level, o order) {
	resp, err := g.client.Do(ctx, g.say.place(o))
	var e *exauth.Error
	switch {
	case err == nil:
		l.id = resp.ClientOrderID
		g.seen.placed++
	case errors.Is(err, exauth.ErrOutcomeUnknown) && errors.As(err, &e):
		g.seen.doubted++
		g.resolve(ctx, l, e)
	default: // it does not exist: the level is free, and tried again in the next round
		g.seen.refused++
	}
}

// resolve finds out beside the other levels' work, which may take some seconds: the
// venue could accept the order as long as its receive window is open.
func (g *grid) resolve(ctx context.Context, l *level, e *exauth.Error) {
	l.doubt = make(chan answer, 1)
	go func(done chan<- answer) {
		r, err := g.client.Resolve(ctx, e)
		done <- answer{r, err, e}
	}(l.doubt)
}

// settled acts on what Resolve said. While it cannot say, the bot asks again, and
// never sends the order again.
func (g *grid) settled(ctx context.Context, l *level, a answer) {
	l.doubt = nil
	switch a.resolution.Outcome {
	case exauth.OutcomeAccepted:
		g.seen.existed++
		l.id = a.asked.ClientOrderID
	case exauth.OutcomeUnknown:
		g.seen.troubles++
		g.resolve(ctx, l, a.asked)
	default:
		g.seen.absent++
	}
}

// look asks what became of the order of a level, and turns the level when it was
// filled.
func (g *grid) look(ctx context.Context, i int, l *level) {
	r, err := g.report(ctx, l.id)
	if err != nil {
		g.seen.troubles++ // a read: the next round asks again
		return
	}
	if r.open {
		return
	}
	l.id = ""
	g.book(l.buy, r)
	if r.filled.Sign() > 0 {
		step := 1
		if !l.buy {
			step = -1
		}
		if j := i + step; j >= 0 && j < len(g.levels) && g.levels[j].id == "" && g.levels[j].doubt == nil {
			g.levels[j].buy = !l.buy
		}
		l.buy = !l.buy
	}
}

// report asks for one order, open or closed.
func (g *grid) report(ctx context.Context, id string) (report, error) {
	var err error
	for _, call := range g.say.query(id) {
		call.Priority = exauth.PriorityOrder
		var resp *exauth.Response
		if resp, err = g.client.Do(ctx, call); err != nil {
			return report{}, err
		}
		var r report
		if r, err = g.say.readOrder(resp.Payload); err == nil {
			return r, nil
		}
	}
	return report{}, err
}

// book enters a closed order.
func (g *grid) book(buy bool, r report) {
	if r.filled.Sign() == 0 {
		return
	}
	if buy {
		g.seen.bought++
		g.books.base.Add(&g.books.base, r.filled)
		g.books.quote.Sub(&g.books.quote, r.cost)
		return
	}
	g.seen.sold++
	g.books.base.Sub(&g.books.base, r.filled)
	g.books.quote.Add(&g.books.quote, r.cost)
}

// flatten ends with nothing open and nothing held: it finds out about every order in
// doubt, cancels what is open, and trades what was bought and not sold. It gives up
// only when ctx does, and says what is left then.
func (g *grid) flatten(ctx context.Context) error {
	for {
		left := 0
		for _, l := range g.levels {
			left += g.end(ctx, l)
		}
		if left == 0 {
			switch g.books.base.Sign() {
			case 0:
				return nil
			case 1:
				g.level(ctx, order{qty: new(big.Rat).Set(&g.books.base)})
			default:
				g.level(ctx, order{buy: true, qty: new(big.Rat).Neg(&g.books.base)})
			}
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("not flat: %d orders open or in doubt, %s %s held: %w", left, decimal(&g.books.base), g.say.base, err)
		}
	}
}

// level trades the position away with a market order, which stands in a level of its
// own from then on, so that the next round books it.
func (g *grid) level(ctx context.Context, o order) {
	l := &level{buy: o.buy}
	g.levels = append(g.levels, l)
	g.place(ctx, l, o)
}

// end brings one level closer to nothing, and returns 1 while something is there.
func (g *grid) end(ctx context.Context, l *level) int {
	switch {
	case l.doubt != nil:
		select {
		case a := <-l.doubt:
			g.settled(ctx, l, a)
		default:
		}
		return 1
	case l.id == "":
		return 0
	}
	// A cancel is safe to repeat after an unknown outcome. "Unknown order" then says
	// that it is not open any more; only its report says what it was filled with.
	_, err := g.client.Do(ctx, g.say.cancel(l.id))
	if err != nil && !errors.Is(err, exauth.ErrUnknownOrder) {
		g.seen.troubles++
		return 1
	}
	r, err := g.report(ctx, l.id)
	if err != nil || r.open {
		g.seen.troubles++
		return 1
	}
	g.seen.canceled++
	l.id = ""
	g.book(l.buy, r)
	return 0
}

// keepAlive arms the venue's dead man's switch again and again: should this program
// die, the venue cancels what it left open. It disarms the switch in the end.
func (g *grid) keepAlive(ctx context.Context, after time.Duration) {
	if g.say.alive == nil {
		return
	}
	for {
		if _, err := g.client.Do(ctx, g.say.alive(int(after.Seconds()))); err != nil && ctx.Err() == nil {
			fmt.Fprintln(g.out, "  the dead man's switch was not renewed:", err)
		}
		if pause(ctx, after/4) != nil {
			return
		}
	}
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
