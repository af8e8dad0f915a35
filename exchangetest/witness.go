package exchangetest

import (
	"cmp"
	"hash/maphash"
	"net/http"
	"slices"
	"sync"
)

// What a test exchange can testify to: how often an order was executed, and
// whether a request came twice.

// An Execution is how often orders of one client order id were executed for one
// account.
type Execution struct {
	Account, ClientOrderID string
	N                      int
}

// Executions is how many orders with this client order id the book accepted, from
// all accounts: the number that must never be 2 when an order was meant once.
func (s *Server) Executions(clientOrderID string) int {
	n := 0
	for _, account := range s.desk.book.accounts() {
		n += s.ExecutionsOf(account, clientOrderID)
	}
	return n
}

// ExecutionsOf is Executions for one account; ids are an account's own.
func (s *Server) ExecutionsOf(account, clientOrderID string) int {
	b := s.desk.book
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.executions[clientRef{account, clientOrderID}]
}

// Twice lists what was executed more than once, in the order of account and id.
// Orders without a client order id cannot be told apart and are not among them.
func (s *Server) Twice() []Execution {
	b := s.desk.book
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []Execution
	for ref, n := range b.executions {
		if n > 1 {
			list = append(list, Execution{ref.account, ref.id, n})
		}
	}
	slices.SortFunc(list, func(x, y Execution) int {
		return cmp.Or(cmp.Compare(x.Account, y.Account), cmp.Compare(x.ClientOrderID, y.ClientOrderID))
	})
	return list
}

// Connections is how many connections are open now, and how many came in all. Both
// are 0 without a socket.
func (s *Server) Connections() (open, total int) {
	if s.door == nil {
		return 0, 0
	}
	s.door.mu.Lock()
	defer s.door.mu.Unlock()
	return s.door.open, s.door.total
}

// accounts lists who has an account.
func (b *book) accounts() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []string
	for name := range b.balances {
		list = append(list, name)
	}
	return list
}

// Replays is how many signed requests came with a signature that another request
// had carried before: what a client, a proxy or net/http sent again without signing
// it afresh. It looks back over the last hundred thousand requests or more.
func (s *Server) Replays() int {
	s.replays.mu.Lock()
	defer s.replays.mu.Unlock()
	return s.replays.n
}

// ReplayedWrites is Replays without those of GET: net/http by itself sends a GET again
// when its connection dies before an answer.
func (s *Server) ReplayedWrites() int {
	s.replays.mu.Lock()
	defer s.replays.mu.Unlock()
	return s.replays.writes
}

// signatures are where venues carry one: headers, then parameters.
var (
	signatureHeaders = []string{"API-Sign", "OK-ACCESS-SIGN", "X-GEMINI-SIGNATURE", "CB-ACCESS-SIGN", "Authorization"}
	signatureParams  = []string{"signature", "sig"}
)

// replays remembers the signatures of late, as hashes, in two generations.
type replays struct {
	mu       sync.Mutex
	seed     maphash.Seed
	now, old map[uint64]bool
	n        int
	writes   int // of n
}

// maxSignatures is how many a generation holds.
const maxSignatures = 1 << 17

// see takes a call's signature down. Unsigned calls are nothing to it.
func (p *replays) see(c *call) {
	sig := signatureOf(c)
	if sig == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now == nil || len(p.now) == maxSignatures {
		if p.now == nil {
			p.seed = maphash.MakeSeed()
		}
		p.now, p.old = map[uint64]bool{}, p.now
	}
	h := maphash.String(p.seed, sig)
	if p.now[h] || p.old[h] {
		p.n++
		if c.method != http.MethodGet {
			p.writes++
		}
	}
	p.now[h] = true
}

// signatureOf finds a call's signature, "" when there is none.
func signatureOf(c *call) string {
	for _, name := range signatureHeaders {
		if sig := c.header.Get(name); sig != "" {
			return sig
		}
	}
	parts := []string{c.query}
	if c.mediaType() == formType {
		parts = append(parts, string(c.body))
	}
	for _, raw := range parts {
		f, _ := parseForm(raw)
		for _, name := range signatureParams {
			if sig := f.get(name); sig != "" {
				return sig
			}
		}
	}
	if c.mediaType() == jsonType {
		f, _ := parseObject(c.body)
		for _, name := range signatureParams {
			if sig := f.get(name); sig != "" {
				return sig
			}
		}
	}
	return ""
}
