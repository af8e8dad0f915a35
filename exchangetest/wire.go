package exchangetest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// wire is the way to the exchange without a socket. A request is written as
// HTTP/1.1 and read again, so that the exchange sees what a connection would have
// brought; the answer goes the same way back.
type wire struct{ server *Server }

var errServerClosed = errors.New("exauth: exchangetest: server closed")

// RoundTrip implements http.RoundTripper. As over a network, the exchange goes on
// with a request whose client has stopped waiting.
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	err := req.Context().Err()
	if err == nil && w.server.faults.isShut() {
		err = errRefused
	}
	if err == nil && !w.server.busy.begin() {
		err = errServerClosed
	}
	if err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	r, err := carry(req)
	if err != nil {
		w.server.busy.end()
		return nil, err
	}
	answered := make(chan *reply, 1)
	go func() {
		defer w.server.busy.end()
		answered <- serve(w.server.handler, r)
	}()
	select {
	case a := <-answered:
		return a.response(req)
	case <-req.Context().Done():
		return nil, context.Cause(req.Context())
	}
}

// carry writes a request, which closes its body, and reads it as a server would.
func carry(req *http.Request) (*http.Request, error) {
	var sent bytes.Buffer
	if err := req.Write(&sent); err != nil {
		return nil, err
	}
	r, err := http.ReadRequest(bufio.NewReader(&sent))
	if err != nil {
		return nil, err
	}
	r.RemoteAddr = "127.0.0.1:0"
	return r, nil
}

// serve runs the exchange on one request. A handler that aborts cuts the answer
// where it stands, as net/http does with a connection.
func serve(h http.Handler, r *http.Request) (a *reply) {
	a = newReply()
	r = r.WithContext(context.WithValue(r.Context(), linkKey{}, a))
	defer func() {
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler {
				panic(p)
			}
			a.cut = true
		}
	}()
	h.ServeHTTP(a, r)
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	return a
}

// reply collects an answer.
type reply struct {
	header, sent http.Header
	status       int
	body         bytes.Buffer
	cut          bool
	err          error         // what the client gets when there is no answer
	pace         time.Duration // how long the body takes
}

func newReply() *reply { return &reply{header: http.Header{}} }

func (a *reply) Header() http.Header { return a.header }

func (a *reply) WriteHeader(status int) {
	if a.status == 0 && status >= 200 {
		a.status, a.sent = status, a.header.Clone()
	}
}

func (a *reply) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	return a.body.Write(p)
}

// Flush is there for handlers that stream; the answer leaves as a whole.
func (a *reply) Flush() {}

// response writes the answer as HTTP/1.1 and lets net/http read it.
func (a *reply) response(req *http.Request) (*http.Response, error) {
	switch {
	case a.status != 0:
	case a.err != nil:
		return nil, a.err
	default: // cut before the first byte
		return nil, io.ErrUnexpectedEOF
	}
	var out bytes.Buffer
	length := int64(a.body.Len())
	out.Grow(a.body.Len() + 1<<10) // bodies of some MiB come here too
	res := &http.Response{StatusCode: a.status, ProtoMajor: 1, ProtoMinor: 1, Header: a.sent,
		Body: io.NopCloser(&a.body), ContentLength: length, Request: req}
	if a.cut || a.sent.Get("Transfer-Encoding") == "chunked" {
		res.ContentLength, res.TransferEncoding = -1, []string{"chunked"}
	}
	res.Header.Del("Content-Length")
	if err := res.Write(&out); err != nil {
		return nil, err
	}
	raw := out.Bytes()
	if a.cut { // leave out the last chunk: the reader finds the answer unfinished
		raw = bytes.TrimSuffix(raw, []byte("0\r\n\r\n"))
	}
	back, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), req)
	if err != nil {
		return nil, err
	}
	if a.pace > 0 {
		back.Body = &slowBody{back.Body, req.Context(), a.pace / slowPieces, slowPieces}
	}
	if back.Header.Get("Content-Encoding") == "gzip" && req.Header.Get("Accept-Encoding") == "" {
		return unpacked(back)
	}
	return back, nil
}

// unpacked takes the gzip off as http.Transport does for clients that did not ask.
func unpacked(res *http.Response) (*http.Response, error) {
	z, err := gzip.NewReader(res.Body)
	if err != nil {
		return nil, err
	}
	res.Body, res.ContentLength, res.Uncompressed = io.NopCloser(z), -1, true
	res.Header.Del("Content-Encoding")
	return res, nil
}

// A tally counts handlers under way. It is no sync.WaitGroup because that may not
// be used by several synctest bubbles in turn.
type tally struct {
	mu     sync.Mutex
	n      int
	closed bool
	idle   chan struct{} // made by whoever waits
}

// begin counts one in, unless the tally is closed.
func (t *tally) begin() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.n++
	return true
}

func (t *tally) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n--
	if t.n == 0 && t.idle != nil {
		close(t.idle)
		t.idle = nil
	}
}

// close lets nobody begin any more and waits until all have ended.
func (t *tally) close() {
	t.mu.Lock()
	t.closed = true
	if t.n == 0 {
		t.mu.Unlock()
		return
	}
	t.idle = make(chan struct{})
	wait := t.idle
	t.mu.Unlock()
	<-wait
}
