package exchangetest

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A door is a listener that can be shut for a while: whoever calls then is refused
// by the machine itself.
type door struct {
	addr string

	mu     sync.Mutex
	inner  net.Listener // nil while shut
	opened chan struct{}
	timer  *time.Timer
	closed bool
	idle   map[*line]bool // connections without a request
	open   int            // connections now
	total  int            // and since the beginning
}

// A line is one connection that came through the door.
type line struct {
	net.Conn
	door   *door
	doomed atomic.Bool
}

func openDoor(addr string) (*door, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &door{addr: l.Addr().String(), inner: l, opened: make(chan struct{}), idle: map[*line]bool{}}, nil
}

// Accept implements net.Listener.
func (d *door) Accept() (net.Conn, error) {
	for {
		d.mu.Lock()
		l, opened, closed := d.inner, d.opened, d.closed
		d.mu.Unlock()
		switch {
		case closed:
			return nil, net.ErrClosed
		case l == nil:
			<-opened
			continue
		}
		c, err := l.Accept()
		if err == nil {
			return &line{Conn: c, door: d}, nil
		}
		d.mu.Lock()
		own := d.inner == l && !d.closed // and not shut meanwhile
		d.mu.Unlock()
		if own {
			return nil, err
		}
	}
}

// Addr implements net.Listener.
func (d *door) Addr() net.Addr {
	a, _ := net.ResolveTCPAddr("tcp", d.addr)
	return a
}

// Close implements net.Listener.
func (d *door) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	if d.timer != nil {
		d.timer.Stop()
	}
	if d.inner == nil {
		close(d.opened)
		return nil
	}
	return d.inner.Close()
}

// shut refuses new connections for a while and resets the idle ones.
func (d *door) shut(span time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || d.inner == nil {
		return
	}
	d.inner.Close()
	d.inner, d.opened = nil, make(chan struct{})
	for l := range d.idle {
		l.reset()
		l.Conn.Close()
	}
	d.timer = time.AfterFunc(span, d.reopen)
}

// reopen listens again; should somebody else have taken the port, a little later.
func (d *door) reopen() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	l, err := net.Listen("tcp", d.addr)
	if err != nil {
		d.timer = time.AfterFunc(10*time.Millisecond, d.reopen)
		return
	}
	d.inner = l
	close(d.opened)
}

// watch is the server's ConnState.
func (d *door) watch(c net.Conn, state http.ConnState) {
	l, ok := c.(*line)
	if !ok {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.idle, l)
	switch state {
	case http.StateNew:
		d.open, d.total = d.open+1, d.total+1
	case http.StateIdle:
		d.idle[l] = true
		if d.inner == nil { // shut before net/http had said that this one is idle
			l.reset()
			l.Conn.Close()
		}
	case http.StateClosed, http.StateHijacked:
		d.open--
	}
}

// remember puts the connection where handlers find it.
func (d *door) remember(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, linkKey{}, c)
}

// Read sees the next request come on a doomed connection.
func (l *line) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if n > 0 && l.doomed.Load() {
		l.reset()
		l.Conn.Close()
		return 0, io.EOF
	}
	return n, err
}

// reset makes the connection end with RST (SO_LINGER of 0) when it is closed.
func (l *line) reset() {
	if c, ok := l.Conn.(*net.TCPConn); ok {
		_ = c.SetLinger(0)
	}
}

func (l *line) refuse(span time.Duration) { l.reset(); l.door.shut(span) }
func (l *line) hangUp()                   { l.doomed.Store(true) }
func (l *line) slow(time.Duration) bool   { return false }

// Without a socket the reply stands for the connection.

var (
	errReset   = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
)

func (a *reply) reset()                    { a.err = errReset }
func (a *reply) refuse(time.Duration)      { a.err = errRefused }
func (a *reply) hangUp()                   {}
func (a *reply) slow(d time.Duration) bool { a.pace = d; return true }

// slowBody takes its time, in a few pieces, and ends with the context of the request.
type slowBody struct {
	io.ReadCloser
	ctx  context.Context
	wait time.Duration // before each of the next pieces
	left int
}

const slowPieces = 8

func (b *slowBody) Read(p []byte) (int, error) {
	if b.left > 0 {
		b.left--
		t := time.NewTimer(b.wait)
		defer t.Stop()
		select {
		case <-b.ctx.Done():
			return 0, context.Cause(b.ctx)
		case <-t.C:
		}
		p = p[:min(len(p), 16)]
	}
	return b.ReadCloser.Read(p)
}
