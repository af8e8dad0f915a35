package exchangetest

import (
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/exauth/exauth"
)

// A match is a part of an incoming order and who takes the other side; maker is
// nil for the house.
type match struct {
	maker      *order
	price, qty *big.Rat
}

// place checks o's funds, fills what crosses, rests or expires the remainder, and
// returns the order as it then stands. Nothing changes when it fails, or when
// test is set. The order's id, state and amounts are set here.
func (b *book) place(o order, now time.Time, test bool) (order, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if prev := b.byClient[clientRef{o.account, o.clientID}]; o.clientID != "" && prev != nil && b.ids.taken(prev) {
		return order{}, errDuplicate
	}
	o.filled, o.cost, o.locked = zero(), zero(), zero()
	o.created, o.updated = now, now
	matches := b.matches(&o)
	switch {
	case b.late: // accepted whatever the book says, and closed at once
		if o.kind == postOnly && len(matches) > 0 {
			o.life, matches = immediateOrCancel, nil
		}
	case o.kind == postOnly && len(matches) > 0:
		return order{}, errWouldTake
	case o.kind == marketOrder && len(matches) == 0:
		return order{}, errNoMarket
	}
	need, of := b.need(&o, matches)
	from := b.balance(o.account, of)
	if less(from.free, need) {
		return order{}, errFunds
	}
	if test {
		return o, nil
	}
	b.seq++
	o.seq, o.id = b.seq, b.name(b.seq)
	from.free, from.locked, o.locked = sub(from.free, need), add(from.locked, need), need
	b.enter(&o)
	for _, m := range matches {
		b.trade(&o, m, now)
	}
	b.rest(&o)
	return o, nil
}

// matches finds who would trade with o now, best price first, without changing
// anything. The house stands behind all orders at the same price. A client never
// trades with itself.
func (b *book) matches(o *order) []match {
	var found []match
	want, budget := o.qty, o.quoteQty
	take := func(maker *order, price, there *big.Rat) bool {
		qty := there
		if budget != nil {
			// By value: as much as the budget buys, in whole steps.
			affordable := floor(new(big.Rat).Quo(budget, price), o.market.step)
			if qty == nil || less(affordable, qty) {
				qty = affordable
			}
		} else if qty == nil || less(want, qty) {
			qty = want
		}
		if qty.Sign() == 0 {
			return false
		}
		found = append(found, match{maker, price, qty})
		if budget != nil {
			budget = sub(budget, mul(price, qty))
			return budget.Sign() > 0
		}
		want = sub(want, qty)
		return want.Sign() > 0
	}
	house := b.prices[o.market]
	for _, maker := range b.resting[o.market][1-o.side] {
		if maker.account == o.account || !crosses(o, maker.price) {
			continue
		}
		if house != nil && better(o.side, house, maker.price) {
			break
		}
		if !take(maker, maker.price, maker.left()) {
			return b.allOrNothing(o, found, want)
		}
	}
	if house != nil && crosses(o, house) {
		take(nil, house, nil)
		want = zero()
	}
	return b.allOrNothing(o, found, want)
}

// allOrNothing drops the matches of a fill-or-kill order that cannot be filled.
func (b *book) allOrNothing(o *order, found []match, left *big.Rat) []match {
	if o.life == fillOrKill && left != nil && left.Sign() > 0 {
		return nil
	}
	return found
}

// crosses reports whether o accepts a price.
func crosses(o *order, price *big.Rat) bool {
	switch {
	case o.kind == marketOrder:
		return true
	case o.side == buy:
		return !less(o.price, price)
	}
	return !less(price, o.price)
}

// better reports whether price a is better than b for one who takes with side s.
func better(s side, a, b *big.Rat) bool {
	if s == buy {
		return less(a, b)
	}
	return less(b, a)
}

// need is what o must have free, and of which asset.
func (b *book) need(o *order, matches []match) (*big.Rat, string) {
	switch {
	case o.side == sell && o.quoteQty == nil:
		return o.qty, o.market.base
	case o.side == buy && o.kind != marketOrder:
		return mul(o.price, o.qty), o.market.quote
	}
	cost, qty := zero(), zero()
	for _, m := range matches {
		cost, qty = add(cost, mul(m.price, m.qty)), add(qty, m.qty)
	}
	if o.side == sell {
		return qty, o.market.base
	}
	return cost, o.market.quote
}

// enter records an accepted order.
func (b *book) enter(o *order) {
	b.orders[o.id], o.entered = o, time.Now()
	b.history[o.account] = append(b.history[o.account], o)
	if o.clientID != "" {
		ref := clientRef{o.account, o.clientID}
		b.byClient[ref], b.named[ref] = o, append(b.named[ref], o)
		b.executions[clientRef{o.account, o.clientID}]++
	}
}

// trade settles one match for both sides.
func (b *book) trade(o *order, m match, now time.Time) {
	b.trades++
	b.settle(o, m, false, now)
	if m.maker == nil {
		return
	}
	b.settle(m.maker, m, true, now)
	if m.maker.left().Sign() == 0 {
		m.maker.state = stateFilled
		b.remove(m.maker)
		b.release(m.maker)
	}
}

// settle moves the funds of one match for one side. What o pays was locked before.
func (b *book) settle(o *order, m match, maker bool, now time.Time) {
	cost := mul(m.price, m.qty)
	paid, from, got, to := cost, o.market.quote, m.qty, o.market.base
	if o.side == sell {
		paid, from, got, to = m.qty, o.market.base, cost, o.market.quote
	}
	give, take := b.balance(o.account, from), b.balance(o.account, to)
	give.locked = sub(give.locked, paid)
	take.free = add(take.free, got)
	o.locked = sub(o.locked, paid)
	o.filled, o.cost = add(o.filled, m.qty), add(o.cost, cost)
	o.state, o.updated = statePartial, now
	o.fills = append(o.fills, fill{b.trades, o.id, o.market, o.side, m.price, m.qty, maker, now})
	if maker && len(o.fills) == 1 && b.filled != nil {
		b.filled(o)
	}
}

// rest books what is left of a new order, or closes it.
func (b *book) rest(o *order) {
	if o.quoteQty != nil {
		o.qty = o.filled // by value: what it bought is what it was for
	}
	switch {
	case o.left().Sign() == 0:
		o.state = stateFilled
	case o.kind == marketOrder || o.life != goodTillCanceled:
		o.state = stateExpired
	default:
		b.insert(o)
		if o.side == buy { // a better price than the limit frees the difference now
			b.unlock(o, sub(o.locked, mul(o.price, o.left())))
		}
		return
	}
	b.release(o)
}

// insert keeps the book sorted by price, then time.
func (b *book) insert(o *order) {
	list := &b.resting[o.market][o.side]
	i, _ := slices.BinarySearchFunc(*list, o, func(have, o *order) int {
		if better(1-o.side, o.price, have.price) {
			return 1
		}
		return -1
	})
	*list = slices.Insert(*list, i, o)
}

// remove takes an order off the book.
func (b *book) remove(o *order) {
	list := &b.resting[o.market][o.side]
	if i := slices.Index(*list, o); i >= 0 {
		*list = slices.Delete(*list, i, i+1)
	}
}

// release frees all that is still locked for a closed order.
func (b *book) release(o *order) { b.unlock(o, o.locked) }

// unlock frees a part of what is locked for an order.
func (b *book) unlock(o *order, amount *big.Rat) {
	asset := o.market.quote
	if o.side == sell {
		asset = o.market.base
	}
	h := b.balance(o.account, asset)
	h.locked, h.free, o.locked = sub(h.locked, amount), add(h.free, amount), sub(o.locked, amount)
}

// cancel closes an open order and frees what it had locked.
func (b *book) cancel(account, id, clientID string, now time.Time) (order, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o, err := b.lookup(account, id, clientID)
	if err != nil {
		return order{}, err
	}
	if !o.state.open() {
		return *o, errClosed
	}
	b.close(o, now)
	return *o, nil
}

// close takes an open order off the book.
func (b *book) close(o *order, now time.Time) {
	o.state, o.updated = stateCanceled, now
	b.remove(o)
	b.release(o)
}

// setPrice moves the house and fills the resting orders it now crosses, at their
// own prices. An empty price sends the house away.
func (b *book) setPrice(symbol, price string, now time.Time) error {
	m := b.market(symbol)
	if m == nil {
		return fmt.Errorf("%w: no market %q", exauth.ErrParam, symbol)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if price == "" {
		delete(b.prices, m)
		return nil
	}
	p, ok := parseDecimal(price)
	if !ok || p.Sign() == 0 || !fits(p, m.tick) {
		return fmt.Errorf("%w: price of %s must be a positive decimal with at most %d decimals", exauth.ErrParam, symbol, m.tick)
	}
	b.prices[m] = p
	for _, list := range b.resting[m] {
		for _, o := range slices.Clone(list) {
			if !crosses(o, p) {
				continue
			}
			b.trades++
			b.settle(o, match{price: o.price, qty: o.left()}, true, now)
			o.state = stateFilled
			b.remove(o)
			b.release(o)
		}
	}
	return nil
}
