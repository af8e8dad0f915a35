package exchangetest

import (
	"math/big"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"
)

func testBook(t *testing.T, prices map[string]string) *book {
	t.Helper()
	b, err := newBook((&binance{}).markets(), prices, (&binance{}).orderName)
	if err != nil {
		t.Fatal(err)
	}
	for _, account := range []string{"a", "b"} {
		for asset, amount := range map[string]string{"BTC": "10", "USDT": "1000000.1"} {
			if err := b.fund(account, asset, amount); err != nil {
				t.Fatal(err)
			}
		}
	}
	return b
}

func dec(s string) *big.Rat {
	r, ok := parseDecimal(s)
	if !ok {
		panic(s)
	}
	return r
}

// put places a limit order written as "a buy 0.5 @ 60000".
func put(b *book, account string, s side, qty, price string, more ...func(*order)) (order, error) {
	o := order{account: account, market: b.market("BTCUSDT"), side: s, qty: dec(qty), price: dec(price)}
	for _, f := range more {
		f(&o)
	}
	return b.place(o, time.Time{}, false)
}

func atMarket(o *order) { o.kind, o.price = marketOrder, zero() }
func onlyPost(o *order) { o.kind = postOnly }
func ioc(o *order)      { o.life = immediateOrCancel }
func fok(o *order)      { o.life = fillOrKill }
func named(id string) func(*order) {
	return func(o *order) { o.clientID = id }
}
func byValue(v string) func(*order) {
	return func(o *order) { o.kind, o.price, o.qty, o.quoteQty = marketOrder, zero(), zero(), dec(v) }
}

// owns writes "free/locked" of an asset.
func owns(b *book, account, asset string) string {
	for _, h := range b.holdings(account) {
		if h.asset == asset {
			return text(h.free, 0) + "/" + text(h.locked, 0)
		}
	}
	return "0/0"
}

func TestBookArithmetic(t *testing.T) {
	none := map[string]string{}
	house := map[string]string{"BTCUSDT": "60000"}
	for _, tc := range []struct {
		name   string
		prices map[string]string
		play   func(b *book) (order, error)
		err    error
		state  state
		filled string
		cost   string
		want   map[string]string // "a BTC": "free/locked"
	}{
		{"a buy locks its price", none, func(b *book) (order, error) { return put(b, "a", buy, "0.1", "0.3") },
			nil, stateNew, "0", "0", map[string]string{"a USDT": "1000000.07/0.03", "a BTC": "10/0"}},
		{"a sell locks its quantity", none, func(b *book) (order, error) { return put(b, "a", sell, "0.1", "70000") },
			nil, stateNew, "0", "0", map[string]string{"a USDT": "1000000.1/0", "a BTC": "9.9/0.1"}},
		{"a buy pays the resting seller's better price", none, func(b *book) (order, error) {
			put(b, "b", sell, "1", "100.1")
			return put(b, "a", buy, "1", "200")
		}, nil, stateFilled, "1", "100.1", map[string]string{"a USDT": "999900/0", "a BTC": "11/0", "b USDT": "1000100.2/0", "b BTC": "9/0"}},
		{"the rest of a partly filled buy keeps its own price locked", none, func(b *book) (order, error) {
			put(b, "b", sell, "0.25", "100")
			return put(b, "a", buy, "1", "200")
		}, nil, statePartial, "0.25", "25", map[string]string{"a USDT": "999825.1/150", "a BTC": "10.25/0", "b USDT": "1000025.1/0"}},
		{"a sell takes the best bids first, then the older", none, func(b *book) (order, error) {
			put(b, "b", buy, "1", "100", named("second"))
			put(b, "b", buy, "1", "101", named("first"))
			put(b, "b", buy, "1", "100", named("third"))
			o, err := put(b, "a", sell, "2", "100")
			if third, _ := b.find("b", "", "third"); third.state != stateNew {
				t.Error("the youngest order was filled")
			}
			return o, err
		}, nil, stateFilled, "2", "201", map[string]string{"a USDT": "1000201.1/0", "a BTC": "8/0", "b BTC": "12/0", "b USDT": "999699.1/100"}},
		{"the house fills a market order", house, func(b *book) (order, error) { return put(b, "a", buy, "0.00001", "0", atMarket) },
			nil, stateFilled, "0.00001", "0.6", map[string]string{"a USDT": "999999.5/0", "a BTC": "10.00001/0"}},
		{"a better resting order goes before the house", house, func(b *book) (order, error) {
			put(b, "b", sell, "1", "60000.01", named("worse"))
			b.setPrice("BTCUSDT", "60001", time.Time{})
			return put(b, "a", buy, "2", "0", atMarket)
		}, nil, stateFilled, "2", "120002", map[string]string{"b BTC": "9/0", "a BTC": "12/0"}},
		{"a market order by value buys whole steps", house, func(b *book) (order, error) { return put(b, "a", buy, "0", "0", byValue("100")) },
			nil, stateFilled, "0.00166", "99.6", map[string]string{"a USDT": "999900.5/0", "a BTC": "10.00166/0"}},
		{"a market sell by value", house, func(b *book) (order, error) { return put(b, "a", sell, "0", "0", byValue("100")) },
			nil, stateFilled, "0.00166", "99.6", map[string]string{"a USDT": "1000099.7/0", "a BTC": "9.99834/0"}},
		{"a market order on an empty book", none, func(b *book) (order, error) { return put(b, "a", buy, "1", "0", atMarket) },
			errNoMarket, 0, "", "", map[string]string{"a USDT": "1000000.1/0"}},
		{"a market order eats what there is and expires", none, func(b *book) (order, error) {
			put(b, "b", buy, "1", "100")
			return put(b, "a", sell, "3", "0", atMarket)
		}, nil, stateExpired, "1", "100", map[string]string{"a USDT": "1000100.1/0", "a BTC": "9/0"}},
		{"immediate or cancel", none, func(b *book) (order, error) {
			put(b, "b", sell, "1", "100")
			return put(b, "a", buy, "3", "100", ioc)
		}, nil, stateExpired, "1", "100", map[string]string{"a USDT": "999900.1/0", "a BTC": "11/0"}},
		{"fill or kill, too few", none, func(b *book) (order, error) {
			put(b, "b", sell, "1", "100")
			return put(b, "a", buy, "3", "100", fok)
		}, nil, stateExpired, "0", "0", map[string]string{"a USDT": "1000000.1/0", "b BTC": "9/1"}},
		{"fill or kill, enough", house, func(b *book) (order, error) { return put(b, "a", buy, "3", "60000", fok) },
			nil, stateFilled, "3", "180000", map[string]string{"a BTC": "13/0"}},
		{"nobody trades with himself", none, func(b *book) (order, error) {
			put(b, "a", sell, "1", "100")
			return put(b, "a", buy, "1", "100")
		}, nil, stateNew, "0", "0", map[string]string{"a USDT": "999900.1/100", "a BTC": "9/1"}},
		{"post-only that rests", house, func(b *book) (order, error) { return put(b, "a", buy, "1", "59999", onlyPost) },
			nil, stateNew, "0", "0", map[string]string{"a USDT": "940001.1/59999"}},
		{"post-only that would take", house, func(b *book) (order, error) { return put(b, "a", buy, "1", "60000", onlyPost) },
			errWouldTake, 0, "", "", map[string]string{"a USDT": "1000000.1/0"}},
		{"one unit too dear", none, func(b *book) (order, error) { return put(b, "a", buy, "1", "1000000.11") },
			errFunds, 0, "", "", map[string]string{"a USDT": "1000000.1/0"}},
		{"the last unit", none, func(b *book) (order, error) { return put(b, "a", buy, "1", "1000000.1") },
			nil, stateNew, "0", "0", map[string]string{"a USDT": "0/1000000.1"}},
		{"canceling frees the rest", none, func(b *book) (order, error) {
			put(b, "b", sell, "0.25", "100")
			o, _ := put(b, "a", buy, "1", "200")
			return b.cancel("a", o.id, "", time.Time{})
		}, nil, stateCanceled, "0.25", "25", map[string]string{"a USDT": "999975.1/0", "a BTC": "10.25/0"}},
		{"canceling twice", none, func(b *book) (order, error) {
			o, _ := put(b, "a", buy, "1", "200")
			b.cancel("a", o.id, "", time.Time{})
			return b.cancel("a", o.id, "", time.Time{})
		}, errClosed, 0, "", "", map[string]string{"a USDT": "1000000.1/0"}},
		{"an id of an open order", none, func(b *book) (order, error) {
			put(b, "a", buy, "1", "200", named("x"))
			return put(b, "a", buy, "1", "200", named("x"))
		}, errDuplicate, 0, "", "", map[string]string{"a USDT": "999800.1/200"}},
		{"an id of another account's order", none, func(b *book) (order, error) {
			put(b, "b", buy, "1", "200", named("x"))
			return put(b, "a", buy, "1", "200", named("x"))
		}, nil, stateNew, "0", "0", nil},
		{"an id of a closed order", none, func(b *book) (order, error) {
			put(b, "a", buy, "1", "200", named("x"))
			b.cancel("a", "", "x", time.Time{})
			return put(b, "a", buy, "1", "200", named("x"))
		}, nil, stateNew, "0", "0", nil},
		{"a price that moves fills what it crosses", house, func(b *book) (order, error) {
			o, _ := put(b, "a", buy, "1", "59000")
			b.setPrice("BTCUSDT", "58000", time.Time{})
			return b.find("a", o.id, "")
		}, nil, stateFilled, "1", "59000", map[string]string{"a BTC": "11/0", "a USDT": "941000.1/0"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := testBook(t, tc.prices)
			o, err := tc.play(b)
			if err != tc.err {
				t.Fatalf("error %v, want %v", err, tc.err)
			}
			if err == nil && (o.state != tc.state || text(o.filled, 0) != tc.filled || text(o.cost, 0) != tc.cost) {
				t.Errorf("state %d filled %s cost %s, want %d %s %s", o.state, text(o.filled, 0), text(o.cost, 0), tc.state, tc.filled, tc.cost)
			}
			for who, want := range tc.want {
				if got := owns(b, who[:1], who[2:]); got != want {
					t.Errorf("%s: %s, want %s", who, got, want)
				}
			}
		})
	}
}

// Nothing is made or lost between accounts, whatever they do at once, and in the
// end nothing stays locked.
func TestBookConservesFunds(t *testing.T) {
	b := testBook(t, map[string]string{})
	sum := func(asset string) *big.Rat {
		total := zero()
		for _, account := range []string{"a", "b"} {
			for _, h := range b.holdings(account) {
				if h.asset == asset {
					if h.free.Sign() < 0 || h.locked.Sign() < 0 {
						t.Errorf("%s has %s free, %s locked", account, text(h.free, 0), text(h.locked, 0))
					}
					total = add(total, add(h.free, h.locked))
				}
			}
		}
		return total
	}
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(w)))
			account := string("ab"[w%2])
			for range 300 {
				o, err := put(b, account, side(r.IntN(2)), "0."+strconv.Itoa(1+r.IntN(999)), strconv.Itoa(100+r.IntN(20))+".37", func(o *order) {
					switch r.IntN(6) {
					case 0:
						ioc(o)
					case 1:
						fok(o)
					case 2:
						atMarket(o)
					}
				})
				if err == nil && r.IntN(2) == 0 {
					b.cancel(account, o.id, "", time.Time{})
				}
			}
		})
	}
	wg.Wait()
	for _, account := range []string{"a", "b"} {
		for _, o := range b.list(account, func(o *order) bool { return o.state.open() }) {
			if _, err := b.cancel(account, o.id, "", time.Time{}); err != nil {
				t.Error(err)
			}
		}
		for _, h := range b.holdings(account) {
			if h.locked.Sign() != 0 {
				t.Errorf("%s: %s %s still locked", account, text(h.locked, 0), h.asset)
			}
		}
	}
	if b.trades == 0 {
		t.Error("nothing was traded")
	}
	for asset, want := range map[string]string{"BTC": "20", "USDT": "2000000.2"} {
		if got := text(sum(asset), 0); got != want {
			t.Errorf("%s: %s in all, want %s", asset, got, want)
		}
	}
}

func TestDecimals(t *testing.T) {
	for _, tc := range []struct {
		in   string
		n    int
		want string // "" refused
	}{
		{"1", 8, "1.00000000"}, {"0.1", 0, "0.1"}, {"0.30", 0, "0.3"}, {"123456.789", 2, "123456.789"},
		{"99999999999999999999.99999999999999999999", 0, "99999999999999999999.99999999999999999999"},
		{"", 0, ""}, {"-1", 0, ""}, {"+1", 0, ""}, {"1e3", 0, ""}, {"1.", 0, ""}, {".5", 0, ""}, {"1_0", 0, ""},
		{"0x1", 0, ""}, {"1/3", 0, ""}, {" 1", 0, ""}, {"1,5", 0, ""}, {"NaN", 0, ""}, {"123456789012345678901", 0, ""},
	} {
		r, ok := parseDecimal(tc.in)
		got := ""
		if ok {
			got = text(r, tc.n)
		}
		if got != tc.want {
			t.Errorf("%q with %d decimals: %q, want %q", tc.in, tc.n, got, tc.want)
		}
	}
	if got := text(average(dec("1"), dec("3")), 8); got != "0.3333333333" {
		t.Errorf("an endless average: %s", got)
	}
}
