package exchangetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exauth/exauth"
)

// RecordVariable is the environment variable that makes NewFixture record: set it
// to anything for one run of go test, with the real key in reach.
const RecordVariable = "EXAUTH_RECORD"

// FixtureOptions say how a Fixture records and replays. Nil and every zero field
// mean the documented default. They are read once and not kept.
type FixtureOptions struct {
	// Credentials is the real key, used only while recording; nil records public
	// calls only. Give it read-only rights where the test only reads.
	Credentials exauth.KeySource

	// Key is the fake key that replayed calls must be signed with. The zero Key
	// means a constant one of a shape the venue takes.
	Key Key

	// Transport is what a recording goes through; nil means a new http.Transport.
	// Replaying uses no network.
	Transport http.RoundTripper

	// Secrets lists more texts that must not reach a file: what a client signs with
	// that was not made with Fixture.Venue and Fixture.Key. It is a function so that
	// printing the options shows none of it.
	Secrets func() []string

	// Keep names fields whose values may stand in the file besides those on the
	// package's own list. Ignore names request fields whose values are not kept and
	// not compared, such as a startTime that is computed from the clock. Case, _ and
	// - do not matter in either.
	Keep, Ignore []string
}

// A Fixture is a file with a venue's answers, one per test, and the transport that
// writes it (Record) or answers from it (Replay). NewFixture chooses between the
// two, so that one test does both:
//
//	fx := exchangetest.NewFixture(t, "testdata/balances.http", venue.Binance(), &exchangetest.FixtureOptions{
//		Credentials: exauth.EnvKey("BINANCE"),
//	})
//	c, err := exauth.New(fx.Venue(), fx.Key(), fx.Options())
//
// The file is readable text: requests and answers as raw HTTP, JSON indented, lines
// that begin with # at its top are comments and stay when it is recorded again.
// Recording the same answers again changes no byte of it.
//
// Nothing of the account is in it: only header, query and body fields on a list
// keep their values, and others are replaced by SCRUBBED-1, 1000000002 and so on,
// the same value always by the same text, so that an id from one answer can be
// asked for in the next request. What is not JSON, a form or text is refused. A file
// in which any part of a known secret, key, passphrase or signature is left is
// not written.
//
// Replaying, requests must come in the order of the file and be the same but for
// timestamps, nonces, signatures and ids; what differs is named, and calls that were
// not made fail the test. Signatures must be those of the fixture's fake key:
// Binance, Coinbase, Crypto.com, Gemini, Kraken and OKX are verified as in the test
// exchange, others by signing again with the same time and nonce, for which the
// client must be made with Venue.
//
// A Fixture is safe for concurrent use, but calls that race have no order to be
// matched in: give each client a Fixture of its own.
type Fixture struct {
	t         testing.TB
	name      string
	venue     *exauth.Venue
	recording bool
	transport http.RoundTripper // recording
	source    exauth.KeySource
	key       Key // fake
	scrub     *scrubber
	signing   *signChecker    // replaying
	known     func() *secrets // recording; a closure, so that printing shows nothing

	clock  sync.Once
	offset time.Duration

	mu     sync.Mutex
	file   *fixtureFile
	next   int // replaying: the call to come
	live   []*fixtureCall
	bound  *bindings
	failed bool
}

// NewFixture replays file, or records it when EXAUTH_RECORD is set. o may be nil.
func NewFixture(t testing.TB, file string, v *exauth.Venue, o *FixtureOptions) *Fixture {
	t.Helper()
	if os.Getenv(RecordVariable) != "" {
		return Record(t, file, v, o)
	}
	return Replay(t, file, v, o)
}

// Record returns a Fixture that lets calls through to the venue and writes them to
// file when the test ends, whether it passed or not. Attempts that got no answer
// are left out. A file that cannot be written without something secret fails the
// test, and what stood there before stays.
func Record(t testing.TB, file string, v *exauth.Venue, o *FixtureOptions) *Fixture {
	t.Helper()
	f, c := newFixture(t, file, v, o)
	f.recording, f.file = true, &fixtureFile{venue: v.Name, time: time.Now().UTC().Truncate(time.Second)}
	if f.transport = c.Transport; f.transport == nil {
		tr := &http.Transport{Proxy: http.ProxyFromEnvironment}
		t.Cleanup(tr.CloseIdleConnections)
		f.transport = tr
	}
	f.source = c.Credentials
	s := &secrets{}
	if c.Secrets != nil {
		for _, text := range c.Secrets() {
			s.add("a text of FixtureOptions.Secrets", text)
		}
		s.told = true
	}
	f.known = func() *secrets { return s }
	t.Cleanup(f.save)
	return f
}

// Replay returns a Fixture that answers from file and uses no network. It fails the
// test at once when the file cannot be read, and at its end when calls are left.
func Replay(t testing.TB, file string, v *exauth.Venue, o *FixtureOptions) *Fixture {
	t.Helper()
	f, _ := newFixture(t, file, v, o)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("exchangetest: %v; record it with %s=1 go test -run '^%s$'", err, RecordVariable, t.Name())
	}
	if f.file, err = parseFixture(raw); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if f.file.venue != v.Name {
		t.Fatalf("%s is a fixture of %q, not of %q", file, f.file.venue, v.Name)
	}
	if f.signing, err = newSignChecker(v, f.key); err != nil {
		t.Fatalf("exchangetest: the fixture's key does not fit %s: %v", v.Name, err)
	}
	f.bound = newBindings()
	t.Cleanup(f.finish)
	return f
}

func newFixture(t testing.TB, file string, v *exauth.Venue, o *FixtureOptions) (*Fixture, FixtureOptions) {
	t.Helper()
	if v == nil || v.Name == "" || v.Scheme == nil {
		t.Fatal("exchangetest: a fixture needs a venue with a name and a scheme")
	}
	c := FixtureOptions{}
	if o != nil {
		c = *o
	}
	f := &Fixture{t: t, name: file, venue: v, key: c.Key, scrub: newScrubber(v, c.Keep, c.Ignore)}
	if f.key.ID == "" {
		f.key = fakeKey(v)
	}
	if f.key.Public == nil && f.key.PEM != "" {
		pub, err := publicOf(f.key.PEM)
		if err != nil {
			t.Fatal(err)
		}
		f.key.Public = pub
	}
	return f, c
}

// Recording reports whether calls go to the venue.
func (f *Fixture) Recording() bool { return f.recording }

// Venue returns a copy of the venue whose scheme the Fixture watches: to learn what
// must not be saved, and to check what is replayed. Make the client with it.
func (f *Fixture) Venue() *exauth.Venue {
	v := *f.venue
	v.Scheme = exauth.SchemeFunc(f.authorize)
	return &v
}

// Key returns the key to make the client with: FixtureOptions.Credentials while
// recording, the fake key otherwise.
func (f *Fixture) Key() exauth.KeySource {
	if f.recording {
		return f.source
	}
	return credentialFor(f.venue, f.key)
}

// Client returns an HTTP client that goes through the Fixture.
func (f *Fixture) Client() *http.Client { return &http.Client{Transport: f} }

// Options returns fresh options for the client, to which a test adds its own: HTTP
// through the Fixture, its clock, and no pacing while replaying.
func (f *Fixture) Options() *exauth.Options {
	o := &exauth.Options{HTTPClient: f.Client(), Now: f.Now}
	if !f.recording {
		o.Limiter = noLimiter{} // a recorded 429 closes no gate for the calls after it
	}
	return o
}

// noLimiter lets everything through.
type noLimiter struct{}

func (noLimiter) Wait(ctx context.Context, _ exauth.Demand) (exauth.Lease, error) {
	return exauth.Lease{}, ctx.Err()
}

// Now is the time of the recording, which stands still, while replaying. While
// recording it is the venue's, asked for once and not recorded.
func (f *Fixture) Now() time.Time {
	if !f.recording {
		return f.file.time
	}
	f.clock.Do(f.sync)
	return time.Now().Add(f.offset)
}

// sync asks the venue for its time, past the recording.
func (f *Fixture) sync() {
	if f.venue.Clock.Path == "" {
		return
	}
	c, err := exauth.New(f.venue, nil, &exauth.Options{HTTPClient: &http.Client{Transport: f.transport}, Now: time.Now})
	if err != nil {
		return // New will tell the test's own client the same
	}
	defer c.Close()
	resp, err := c.Do(f.t.Context(), exauth.Call{Path: f.venue.Clock.Path, Auth: exauth.AuthNone, Scope: exauth.ScopeRead})
	if err != nil {
		f.t.Logf("exchangetest: the venue's time is not known, the local clock serves: %v", err)
		return
	}
	at, err := f.venue.Clock.Parse(resp)
	if err != nil {
		f.t.Logf("exchangetest: the venue's time is not known, the local clock serves: %v", err)
		return
	}
	middle := resp.Sent.Add(resp.Received.Sub(resp.Sent) / 2)
	if off := at.Sub(middle); off.Abs() > f.venue.Clock.Resolution {
		f.offset = off
	}
}

// authorize signs with the venue's own scheme and takes note of it.
func (f *Fixture) authorize(ctx context.Context, r *exauth.Request) error {
	if f.recording {
		if err := f.venue.Scheme.Authorize(ctx, r); err != nil {
			return err
		}
		f.known().learn(f.venue, r)
		return nil
	}
	before := snapshotOf(r)
	if err := f.venue.Scheme.Authorize(ctx, r); err != nil {
		return err
	}
	f.signing.check(ctx, before, snapshotOf(r))
	return nil
}

// RoundTrip implements http.RoundTripper: it records a call or answers from the
// file. A request that does not match fails the test and gets an error.
func (f *Fixture) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := readRequestBody(req)
	if err != nil {
		return nil, err
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	if f.recording {
		return f.record(req, body)
	}
	return f.replay(req, body)
}

// maxAnswer bounds one recorded answer, as exauth's client does.
const maxAnswer = 8 << 20

// record carries one call and keeps it, scrubbed.
func (f *Fixture) record(req *http.Request, body []byte) (*http.Response, error) {
	f.mu.Lock()
	call := &fixtureCall{}
	f.live = append(f.live, call) // calls are numbered as they leave
	f.mu.Unlock()
	out := req.Clone(req.Context())
	out.Body, out.GetBody = nil, nil
	if body != nil {
		out.Body = io.NopCloser(bytes.NewReader(body))
	}
	resp, err := f.transport.RoundTrip(out)
	if err != nil {
		f.t.Logf("exchangetest: %s %s got no answer and is not recorded", req.Method, req.URL.Path)
		return resp, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil || len(raw) > maxAnswer {
		f.t.Logf("exchangetest: the answer to %s %s broke off or is too large, and is not recorded", req.Method, req.URL.Path)
		return nil, io.ErrUnexpectedEOF
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.known().see(f.scrub, req, body)
	call.request = f.scrub.request(req, body)
	call.answer = f.scrub.answer(resp, raw)
	dup := *resp
	dup.Request, dup.Body, dup.ContentLength = req, io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
	return &dup, nil
}

// replay answers one call from the file.
func (f *Fixture) replay(req *http.Request, body []byte) (*http.Response, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed { // one report is enough
		return nil, fmt.Errorf("exauth: exchangetest: an earlier request did not match %s", f.name)
	}
	if f.next == len(f.file.calls) {
		return nil, f.fail("%s %s is one call more than the %d of the fixture", req.Method, req.URL.Path, len(f.file.calls))
	}
	call := f.file.calls[f.next]
	if faults := f.compare(call.request, req, body); len(faults) > 0 {
		return nil, f.fail("call %d, %s %s, is not %s of the fixture:\n\t%s", f.next+1, req.Method, req.URL.Path,
			call.request.first, strings.Join(faults, "\n\t"))
	}
	if err := f.signing.verify(f.scrub, req, body); err != nil {
		return nil, f.fail("call %d, %s %s: %v", f.next+1, req.Method, req.URL.Path, err)
	}
	f.next++
	return call.answer.response(req, f.bound.restore(call.answer.body), f.Now())
}

func (f *Fixture) fail(format string, args ...any) error {
	f.failed = true
	text := fmt.Sprintf(format, args...)
	f.t.Errorf("%s: %s", f.name, text)
	return fmt.Errorf("exauth: exchangetest: %s: %s", f.name, text)
}

// finish finds calls that were not made.
func (f *Fixture) finish() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed {
		return
	}
	for i, call := range f.file.calls[f.next:] {
		f.t.Errorf("%s: call %d was not made: %s", f.name, f.next+i+1, call.request.first)
	}
}

// save writes the file, unless something secret is left.
func (f *Fixture) save() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, call := range f.live {
		if call.answer.first != "" {
			f.file.calls = append(f.file.calls, call)
		}
	}
	faults := f.scrub.faults
	if old, err := os.ReadFile(f.name); err == nil {
		f.file.follow(old)
	}
	text := f.file.format()
	faults = append(faults, f.known().left(text)...)
	if len(faults) > 0 {
		f.t.Errorf("%s is not saved:\n\t%s", f.name, strings.Join(faults, "\n\t"))
		return
	}
	if err := writeFixture(f.name, text); err != nil {
		f.t.Errorf("%s is not saved: %v", f.name, err)
		return
	}
	f.t.Logf("exchangetest: recorded %d calls to %s; read it before you commit it", len(f.file.calls), f.name)
}

// writeFixture puts a file in its place as a whole.
func writeFixture(name string, text []byte) error {
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, ".fixture-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(text)
	if e := tmp.Chmod(0o644); err == nil {
		err = e
	}
	if e := tmp.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), name)
}

// readRequestBody reads and closes a request's body; nil is none.
func readRequestBody(req *http.Request) ([]byte, error) {
	if req.Body == nil {
		return nil, nil
	}
	defer req.Body.Close()
	body, err := io.ReadAll(req.Body)
	if len(body) == 0 {
		body = nil
	}
	return body, err
}

// String names the file and says nothing else: while recording a Fixture has seen
// real keys.
func (f *Fixture) String() string { return "exchangetest.Fixture(" + f.name + ")" }
