//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package exauth

import (
	"crypto/tls"
	"net"
	"syscall"
)

// idleClosed reports whether the other side has closed a connection while it was
// idle, which net/http may not have noticed yet. It looks into the receive buffer
// without taking anything out.
func idleClosed(c net.Conn) bool {
	secure, isTLS := c.(*tls.Conn)
	if isTLS {
		c = secure.NetConn()
	}
	if counted, ok := c.(*countedConn); ok {
		c = counted.Conn
	}
	sc, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	var n int
	var peek error
	err = raw.Control(func(fd uintptr) { // Go's sockets do not block
		var b [1]byte
		n, _, peek = syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK)
	})
	switch {
	case err != nil:
		return true // closed on our side
	case peek == syscall.EAGAIN, peek == syscall.EINTR:
		return false // nothing to read, as it should be
	case peek != nil || n == 0:
		return true
	}
	// Something came unasked: over HTTP/2 a frame, otherwise a farewell.
	return !isTLS || secure.ConnectionState().NegotiatedProtocol != "h2"
}
