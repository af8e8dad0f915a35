package exauth_test

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// A rawServer reads requests off TCP connections by hand and hands each to serve,
// so that tests see the bytes and decide what happens to the connection.
type rawServer struct {
	net.Listener
	url   string
	mu    sync.Mutex
	got   []rawRequest
	conns []net.Conn
	serve func(c net.Conn, r rawRequest) (keep bool)
}

// A rawRequest is one request as its bytes: conn counts connections, n the requests
// on this one, both from 1.
type rawRequest struct {
	conn, n    int
	head, body string
}

func (r rawRequest) line() string { l, _, _ := strings.Cut(r.head, "\r\n"); return l }

// header returns the value of a header field, "" without one.
func (r rawRequest) header(name string) string {
	for l := range strings.SplitSeq(r.head, "\r\n") {
		if n, v, ok := strings.Cut(l, ":"); ok && strings.EqualFold(n, name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func (r rawRequest) arrival() arrival {
	part := strings.Split(r.line(), " ")
	h := http.Header{}
	for _, n := range []string{"Tiny-Key", "Tiny-Time", "Tiny-Sign"} {
		h.Set(n, r.header(n))
	}
	return arrival{method: part[0], uri: part[1], body: r.body, header: h}
}

const rawOK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

// rawListen starts a rawServer; serve nil answers {} and keeps the connection.
func rawListen(t testing.TB, serve func(c net.Conn, r rawRequest) (keep bool)) *rawServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if serve == nil {
		serve = func(c net.Conn, _ rawRequest) bool { io.WriteString(c, rawOK); return true }
	}
	s := &rawServer{Listener: l, url: "http://" + l.Addr().String(), serve: serve}
	go s.accept()
	t.Cleanup(func() {
		l.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, c := range s.conns {
			c.Close()
		}
	})
	return s
}

func (s *rawServer) accept() {
	for n := 1; ; n++ {
		c, err := s.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns = append(s.conns, c)
		s.mu.Unlock()
		go s.talk(c, n)
	}
}

func (s *rawServer) talk(c net.Conn, conn int) {
	defer c.Close()
	br := bufio.NewReader(c)
	for n := 1; ; n++ {
		r := rawRequest{conn: conn, n: n}
		for !strings.HasSuffix(r.head, "\r\n\r\n") {
			line, err := br.ReadString('\n')
			if err != nil {
				return
			}
			r.head += line
		}
		length, _ := strconv.Atoi(r.header("Content-Length"))
		body := make([]byte, length)
		if _, err := io.ReadFull(br, body); err != nil {
			return
		}
		r.body = string(body)
		s.mu.Lock()
		s.got = append(s.got, r)
		s.mu.Unlock()
		if !s.serve(c, r) {
			return
		}
	}
}

func (s *rawServer) requests() []rawRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

// A frame is the head of an HTTP/2 frame (RFC 9113 section 4.1).
type frame struct {
	kind, flags byte
	stream      uint32
	length      int
}

const (
	frameData, frameHeaders, frameReset, frameSettings, framePing, frameAway = 0, 1, 3, 4, 6, 7
	endStream                                                                = 1
)

// An h2Server speaks just enough HTTP/2 to record the frames of requests and to
// answer them: status 200 is one byte of HPACK, 0x88 (RFC 7541 appendix A).
type h2Server struct {
	url    string
	client *http.Client
	mu     sync.Mutex
	frames []frame
	plain  []string // request lines that came over HTTP/1.1
	conns  int
	serve  func(c net.Conn, stream uint32, n int) (keep bool)
}

func h2Listen(t testing.TB, serve func(c net.Conn, stream uint32, n int) (keep bool)) *h2Server {
	t.Helper()
	certs := httptest.NewUnstartedServer(nil)
	certs.StartTLS() // for its certificate
	conf, pool := certs.TLS.Clone(), certs.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	certs.Close()
	client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: pool}}}
	conf.NextProtos = []string{"h2", "http/1.1"}
	l, err := tls.Listen("tcp", "127.0.0.1:0", conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s := &h2Server{url: "https://" + l.Addr().String(), client: client, serve: serve}
	if serve == nil {
		s.serve = func(c net.Conn, stream uint32, _ int) bool { answerH2(c, stream); return true }
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.talk(c.(*tls.Conn))
		}
	}()
	return s
}

func writeFrame(c net.Conn, kind, flags byte, stream uint32, payload []byte) {
	head := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	c.Write(append(binary.BigEndian.AppendUint32(head, stream), payload...))
}

func answerH2(c net.Conn, stream uint32) {
	writeFrame(c, frameHeaders, 4, stream, []byte{0x88})
	writeFrame(c, frameData, endStream, stream, []byte("{}"))
}

func (s *h2Server) talk(c *tls.Conn) {
	defer c.Close()
	if c.Handshake() != nil {
		return
	}
	br := bufio.NewReader(c)
	if c.ConnectionState().NegotiatedProtocol != "h2" {
		for {
			r, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			io.Copy(io.Discard, r.Body)
			s.mu.Lock()
			s.plain = append(s.plain, r.Method+" "+r.RequestURI)
			s.mu.Unlock()
			io.WriteString(c, rawOK)
		}
	}
	s.mu.Lock()
	s.conns++
	s.mu.Unlock()
	preface := make([]byte, 24)
	if _, err := io.ReadFull(br, preface); err != nil || string(preface) != "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" {
		return
	}
	writeFrame(c, frameSettings, 0, 0, nil)
	for n := 0; ; {
		var head [9]byte
		if _, err := io.ReadFull(br, head[:]); err != nil {
			return
		}
		f := frame{head[3], head[4], binary.BigEndian.Uint32(head[5:]), int(head[0])<<16 | int(head[1])<<8 | int(head[2])}
		if _, err := br.Discard(f.length); err != nil {
			return
		}
		switch f.kind {
		case frameSettings:
			if f.flags&1 == 0 {
				writeFrame(c, frameSettings, 1, 0, nil)
			}
		case frameHeaders, frameData:
			s.mu.Lock()
			s.frames = append(s.frames, f)
			s.mu.Unlock()
			if f.flags&endStream != 0 {
				if n++; !s.serve(c, f.stream, n) {
					return
				}
			}
		}
	}
}

func (s *h2Server) take() (frames []frame, plain []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	frames, plain = s.frames, s.plain
	s.frames, s.plain = nil, nil
	return frames, plain
}
