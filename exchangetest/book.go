package exchangetest

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"sync"
	"time"

	"github.com/exauth/exauth"
)

// A market is one pair and its rules. Prices and quantities are multiples of
// 10^-tick and 10^-step.
type market struct {
	symbol      string // as the venue writes it: BTCUSDT, XXBTZUSD, BTC-USDT
	alias       []string
	base, quote string
	tick, step  int
	price       string // where the house trades when the options say nothing
}

// A side is who an order is for; 1-s is the other one.
type side uint8

const (
	buy side = iota
	sell
)

// A kind is what an order does when it meets others.
type kind uint8

const (
	limit kind = iota
	marketOrder
	postOnly // rests or is refused
)

// A lifetime is what becomes of what is not filled at once.
type lifetime uint8

const (
	goodTillCanceled lifetime = iota
	immediateOrCancel
	fillOrKill
)

// A state is what became of an order; from stateFilled on it is final.
type state uint8

const (
	stateNew state = iota
	statePartial
	stateFilled
	stateCanceled
	stateExpired // market, IOC and FOK orders whose rest found nobody
)

// open reports whether the order rests on the book.
func (s state) open() bool { return s <= statePartial }

// An order is one client's order. Copies are handed out; amounts are shared and
// never changed in place.
type order struct {
	id       string // the venue's form of seq
	seq      int64
	account  string
	clientID string
	tag      string // Kraken's userref
	market   *market
	side     side
	kind     kind
	life     lifetime

	price    *big.Rat // zero for market orders
	qty      *big.Rat // of the base asset; zero for market orders by value
	quoteQty *big.Rat // of the quote asset, for market orders by value; else nil

	filled, cost *big.Rat
	locked       *big.Rat // what is still reserved for it
	state        state
	created      time.Time
	updated      time.Time
	entered      time.Time // by no clock that a fault can set; zero before
	fills        []fill
}

// left is what is still to be filled, in the base asset.
func (o *order) left() *big.Rat { return sub(o.qty, o.filled) }

// A fill is one trade as one side saw it.
type fill struct {
	id         int64
	orderID    string
	market     *market
	side       side
	price, qty *big.Rat
	maker      bool
	time       time.Time
}

// A balance is what an account has of one asset.
type balance struct {
	asset        string
	free, locked *big.Rat
}

// An idRule says when a client order id is taken.
type idRule uint8

const (
	idsWhileOpen idRule = iota // as long as an order of this id is open
	idsForGood                 // once and for all
	idsNever                   // any number of orders may have it
)

// taken reports whether prev keeps its id from a new order.
func (r idRule) taken(prev *order) bool {
	return r == idsForGood || r == idsWhileOpen && prev.state.open()
}

// Why the book refuses. Dialects put these into the venue's words.
var (
	errFunds     = errors.New("insufficient funds")
	errDuplicate = errors.New("client order id is in use")
	errWouldTake = errors.New("post-only order would take")
	errUnknown   = errors.New("unknown order")
	errClosed    = errors.New("order is not open")
	errNoMarket  = errors.New("market order finds nobody")
)

// The book knows who owns what. All methods are safe for concurrent use; one
// lock makes every order atomic, as one matching engine would.
type book struct {
	mu     sync.Mutex
	name   func(seq int64) string
	filled func(o *order) // hears of the first fill of an order that rested, if not nil; mu is held
	ids    idRule
	late   bool // post-only orders that take, and market orders nobody meets, are accepted and then canceled

	markets  map[string]*market // by symbol and alias
	prices   map[*market]*big.Rat
	balances map[string]map[string]*balance

	seq, trades int64
	orders      map[string]*order
	byClient    map[clientRef]*order // the newest with this id
	resting     map[*market]*[2][]*order
	history     map[string][]*order    // by account, oldest first
	named       map[clientRef][]*order // oldest first
	switches    map[string]time.Time   // by account, when its dead man's switch cancels everything
	executions  map[clientRef]int      // accepted orders by client order id
}

// A clientRef names an order as its client does. Ids are an account's own.
type clientRef struct{ account, id string }

// newBook makes a book without accounts. prices: where the house trades, by
// symbol; nil for every market's own.
func newBook(markets []market, prices map[string]string, name func(int64) string) (*book, error) {
	b := &book{
		name:       name,
		markets:    map[string]*market{},
		prices:     map[*market]*big.Rat{},
		balances:   map[string]map[string]*balance{},
		orders:     map[string]*order{},
		byClient:   map[clientRef]*order{},
		resting:    map[*market]*[2][]*order{},
		history:    map[string][]*order{},
		named:      map[clientRef][]*order{},
		executions: map[clientRef]int{},
	}
	for i := range markets {
		m := &markets[i]
		b.resting[m] = &[2][]*order{}
		for _, s := range append([]string{m.symbol}, m.alias...) {
			b.markets[s] = m
		}
		if prices == nil {
			b.prices[m], _ = parseDecimal(m.price)
		}
	}
	for symbol, p := range prices {
		if err := b.setPrice(symbol, p, time.Time{}); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// fund sets what an account has free of an asset.
func (b *book) fund(account, asset, amount string) error {
	r, ok := parseDecimal(amount)
	if !ok {
		return fmt.Errorf("%w: balance of %s is no plain decimal", exauth.ErrParam, asset)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.balance(account, asset).free = r
	return nil
}

// balance finds or makes a balance; b.mu is held.
func (b *book) balance(account, asset string) *balance {
	of := b.balances[account]
	if of == nil {
		of = map[string]*balance{}
		b.balances[account] = of
	}
	if of[asset] == nil {
		of[asset] = &balance{asset: asset, free: zero(), locked: zero()}
	}
	return of[asset]
}

// holdings returns an account's balances by asset name.
func (b *book) holdings(account string) []balance {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []balance
	for _, h := range b.balances[account] {
		list = append(list, *h)
	}
	slices.SortFunc(list, func(x, y balance) int {
		if x.asset < y.asset {
			return -1
		}
		return 1
	})
	return list
}

// market finds a market by any of its names.
func (b *book) market(symbol string) *market { return b.markets[symbol] }

// listed returns all markets in the order of their symbols.
func (b *book) listed() []*market {
	var list []*market
	for s, m := range b.markets {
		if s == m.symbol {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(x, y *market) int {
		if x.symbol < y.symbol {
			return -1
		}
		return 1
	})
	return list
}

// last is the price of a market: the house's, else the best bid or ask, else nil.
func (b *book) last(m *market) *big.Rat {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.prices[m]; p != nil {
		return p
	}
	for _, resting := range b.resting[m] {
		if len(resting) > 0 {
			return resting[0].price
		}
	}
	return nil
}

// A level is one price of the book and what rests there.
type level struct {
	price, qty *big.Rat
	orders     int
}

// houseSize is what the book shows of the house, which trades without end.
func houseSize() *big.Rat { return big.NewRat(1000, 1) }

// levels returns the best n prices of one side, best first.
func (b *book) levels(m *market, s side, n int) []level {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []level
	put := func(price, qty *big.Rat) {
		if last := len(list) - 1; last >= 0 && list[last].price.Cmp(price) == 0 {
			list[last].qty, list[last].orders = add(list[last].qty, qty), list[last].orders+1
			return
		}
		list = append(list, level{price, qty, 1})
	}
	house := b.prices[m]
	for _, o := range b.resting[m][s] {
		if house != nil && better(1-s, house, o.price) {
			put(house, houseSize())
			house = nil
		}
		put(o.price, o.left())
	}
	if house != nil {
		put(house, houseSize())
	}
	return list[:min(n, len(list))]
}

// withdraw takes an amount out of the venue.
func (b *book) withdraw(account, asset string, amount *big.Rat) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.balance(account, asset)
	if less(h.free, amount) {
		return errFunds
	}
	h.free = sub(h.free, amount)
	return nil
}

// find returns an account's order by the venue's id, or by client id when that
// is empty. With both given, both must fit.
func (b *book) find(account, id, clientID string) (order, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o, err := b.lookup(account, id, clientID)
	if err != nil {
		return order{}, err
	}
	return *o, nil
}

// lookup is find with b.mu held. Other accounts' orders do not exist.
func (b *book) lookup(account, id, clientID string) (*order, error) {
	o := b.orders[id]
	if id == "" {
		o = b.byClient[clientRef{account, clientID}]
	}
	if o == nil || o.account != account || clientID != "" && o.clientID != clientID {
		return nil, errUnknown
	}
	return o, nil
}

// list returns an account's orders, oldest first, that keep wants.
func (b *book) list(account string, keep func(*order) bool) []order {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := []order{}
	for _, o := range b.history[account] {
		if keep(o) {
			list = append(list, *o)
		}
	}
	return list
}

// listNamed is list for the orders of one client order id.
func (b *book) listNamed(account, clientID string, keep func(*order) bool) []order {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := []order{}
	for _, o := range b.named[clientRef{account, clientID}] {
		if keep(o) {
			list = append(list, *o)
		}
	}
	return list
}
