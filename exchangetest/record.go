package exchangetest

import (
	"bytes"
	"net/http"
	"sync"
	"time"
)

// A Request is one call as it reached the exchange.
type Request struct {
	Time   time.Time // by the exchange's clock
	Method string
	URI    string // path and query as on the wire
	Host   string
	Header http.Header
	Body   []byte
	Status int // what was answered; 0 while under way, or when the connection was cut
}

// maxBody bounds what one request may carry; no route comes near it.
const maxBody = 1 << 20

// The record keeps the newest requests, at most max of them.
type record struct {
	mu    sync.Mutex
	max   int
	list  []*Request
	total int
}

func (r *record) add(q *Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.total++
	if len(r.list) == r.max {
		r.list = append(r.list[:0], r.list[1:]...)
	}
	r.list = append(r.list, q)
}

func (r *record) answered(q *Request, status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q.Status = status
}

func (r *record) all() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]Request, len(r.list))
	for i, q := range r.list {
		list[i] = *q
		list[i].Header, list[i].Body = q.Header.Clone(), bytes.Clone(q.Body)
	}
	return list
}

// statusWriter remembers the status that goes out.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach Flush and Hijack.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
