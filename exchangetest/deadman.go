package exchangetest

import (
	"net/http"
	"strconv"
	"time"
)

// A dead man's switch cancels what an account has open when its client has not been
// heard of for as long as the client said. The exchange looks at its switches before
// anything else happens, which nobody can tell from looking at them all the time.

// arm sets when the open orders of an account are canceled; the zero Time means
// never.
func (b *book) arm(account string, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.switches == nil {
		b.switches = map[string]time.Time{}
	}
	b.switches[account] = at
	if at.IsZero() {
		delete(b.switches, account)
	}
}

// sweep throws the switches that are due.
func (b *book) sweep(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for account, at := range b.switches {
		if now.Before(at) {
			continue
		}
		delete(b.switches, account)
		for _, o := range b.history[account] {
			if o.state.open() {
				b.close(o, at)
			}
		}
	}
}

// cancelAllAfter is POST /0/private/CancelAllOrdersAfter: the timeout is in seconds,
// up to a day; 0 disarms.
// https://docs.kraken.com/api/docs/rest-api/cancel-all-orders-after, 2026-11-23.
func (k *kraken) cancelAllAfter(q *krakenCall) (any, krakenError) {
	n, err := strconv.Atoi(q.get("timeout"))
	if err != nil || n < 0 || n > 86400 {
		return nil, krakenBad("timeout")
	}
	result := map[string]string{"currentTime": q.now.Format(time.RFC3339), "triggerTime": "0"}
	var at time.Time
	if n > 0 {
		at = q.now.Add(time.Duration(n) * time.Second)
		result["triggerTime"] = at.Format(time.RFC3339)
	}
	k.book.arm(q.key.account(), at)
	return result, ""
}

// cancelAllAfter is POST /api/v5/trade/cancel-all-after: timeOut is in seconds, 10 to
// 120; 0 disarms.
// https://www.okx.com/docs-v5/en/#order-book-trading-trade-post-cancel-all-after, 2026-11-23.
func (x *okx) cancelAllAfter(q *okxCall) okxAnswer {
	n, err := strconv.Atoi(q.form.get("timeOut"))
	switch {
	case q.form.get("timeOut") == "":
		return *okxEmpty("timeOut")
	case err != nil || n != 0 && (n < 10 || n > 120):
		return *okxErr(http.StatusOK, "51000", "Parameter timeOut error")
	}
	item := map[string]string{"triggerTime": "0", "tag": "", "ts": okxMillis(q.now)}
	var at time.Time
	if n > 0 {
		at = q.now.Add(time.Duration(n) * time.Second)
		item["triggerTime"] = okxMillis(at)
	}
	x.book.arm(q.key.account(), at)
	return okxData(item)
}
