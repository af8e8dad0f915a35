package exauth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
)

func openJournal(t testing.TB, path string) *exauth.Journal {
	t.Helper()
	j, err := exauth.OpenJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

// lookupVenue is headerVenue whose orders can be looked up by id.
func lookupVenue(url string) *exauth.Venue {
	v := headerVenue(url)
	v.OrderIDs = map[string]exauth.OrderID{"id": {Max: 24}}
	v.Lookup = exauth.Lookup{
		Ask: func(w exauth.Write) []exauth.Call {
			if w.Path != "/order" || w.Method != "POST" {
				return nil
			}
			return []exauth.Call{{Method: "GET", Path: "/lookup", Params: exauth.Params{{"id", w.ClientOrderID}, {"symbol", w.Text("symbol")}}}}
		},
		Find: func(w exauth.Write, payload []byte) ([]byte, exauth.Outcome, error) {
			if !bytes.Contains(payload, []byte(w.ClientOrderID)) {
				return nil, 0, exauth.ErrUnknownOrder
			}
			return payload, exauth.OutcomeAccepted, nil
		},
		Until: func(w exauth.Write) time.Time { return w.Time.Add(50 * time.Millisecond) },
		Lag:   10 * time.Millisecond,
	}
	v.Routes = append(v.Routes, exauth.Route{Method: "GET", Path: "/lookup", Scope: exauth.ScopeRead})
	return v
}

var journalOrder = exauth.Call{Method: "POST", Path: "/order", Params: exauth.Params{{"symbol", "BTCUSDT"}, {"price", "61250.10"}}}

// copyJournal is what a crash now would leave.
func copyJournal(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(t.TempDir(), "left")
	if err := os.WriteFile(left, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return left
}

// TestJournal: an intent is on the disk before the call is sent, and gone when its
// fate is known; what is left over can be settled by another process.
func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j := openJournal(t, path)
	var left string
	placed := map[string]bool{}
	srv := record(t, func(w http.ResponseWriter, a arrival, n int) {
		switch {
		case a.method == "POST":
			var o struct{ ID string }
			if err := json.Unmarshal([]byte(a.body), &o); err != nil || o.ID == "" {
				t.Errorf("%s: %v", a.body, err)
			}
			left = copyJournal(t, path)
			if text, _ := os.ReadFile(left); !bytes.Contains(text, []byte(o.ID)) || bytes.Contains(text, []byte("61250.10")) {
				t.Errorf("journal at the time of sending: %s", text)
			}
			placed[o.ID] = true
			if n == 2 {
				panic(http.ErrAbortHandler)
			}
			fmt.Fprintf(w, `{"id":%q}`, o.ID)
		case strings.HasPrefix(a.uri, "/lookup"):
			if _, id, _ := strings.Cut(a.uri, "id="); placed[strings.Split(id, "&")[0]] && strings.Contains(a.uri, "symbol=BTCUSDT") {
				io.WriteString(w, `{"found":"`+strings.Split(id, "&")[0]+`"}`)
				return
			}
			io.WriteString(w, `{"found":""}`)
		}
	})
	srv.Config.ErrorLog = quiet()
	c := newClient(t, lookupVenue(srv.URL), &exauth.Options{Journal: j})
	first, err := c.Do(t.Context(), journalOrder)
	if err != nil || len(j.Pending()) != 0 {
		t.Fatalf("%v, %v", err, j.Pending())
	}
	atFirst := left
	if recent := j.Recent(); len(recent) != 1 || recent[0].ClientOrderID != first.ClientOrderID || recent[0].Outcome != exauth.OutcomeAccepted {
		t.Errorf("recent: %+v", recent)
	}
	_, err = c.Do(t.Context(), journalOrder)
	var e *exauth.Error
	if !errors.As(err, &e) || e.Outcome != exauth.OutcomeUnknown {
		t.Fatal(err)
	}
	if p := j.Pending(); len(p) != 1 || p[0].ClientOrderID != e.ClientOrderID || !p[0].SettledAt.Equal(e.SettledAt) || !errors.Is(p[0], exauth.ErrOutcomeUnknown) {
		t.Errorf("pending: %+v", p)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}

	// A process that was killed while the first was in flight, and one that ended with
	// the second unknown.
	for name, file := range map[string]string{first.ClientOrderID: atFirst, e.ClientOrderID: path} {
		again := openJournal(t, file)
		c := newClient(t, lookupVenue(srv.URL), &exauth.Options{Journal: again})
		p := again.Pending()
		if len(p) != 1 || p[0].ClientOrderID != name || p[0].Method != "POST" || p[0].Path != "/order" || p[0].Venue != "tiny" || p[0].Sent.IsZero() || p[0].SettledAt.IsZero() {
			t.Fatalf("pending of %s: %+v", name, p)
		}
		res, err := c.Resolve(t.Context(), p[0])
		if err != nil || res.Outcome != exauth.OutcomeAccepted || !bytes.Contains(res.Payload, []byte(name)) || len(again.Pending()) != 0 {
			t.Errorf("%s: %+v, %v, pending %v", name, res, err, again.Pending())
		}
		again.Close()
		if p := openJournal(t, file).Pending(); len(p) != 0 {
			t.Errorf("%s is pending again: %v", name, p)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil || bytes.Contains(text, []byte(tinySecret)) || bytes.Contains(text, []byte(tinyID)) || bytes.Contains(text, []byte("61250")) {
		t.Errorf("the journal holds too much: %s", text)
	}
	for _, file := range []string{path, path + ".lock"} {
		if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
	}
}

// TestJournalNotPlaced: an order the venue never saw ends rejected, and one whose call
// was surely not sent leaves no entry at all.
func TestJournalNotPlaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j := openJournal(t, path)
	srv := record(t, func(w http.ResponseWriter, a arrival, _ int) {
		if a.method == "POST" {
			panic(http.ErrAbortHandler)
		}
		io.WriteString(w, "{}")
	})
	srv.Config.ErrorLog = quiet()
	c := newClient(t, lookupVenue(srv.URL), &exauth.Options{Journal: j})
	if _, err := c.Do(t.Context(), journalOrder); !errors.Is(err, exauth.ErrOutcomeUnknown) {
		t.Fatal(err)
	}
	res, err := c.Resolve(t.Context(), j.Pending()[0])
	if err != nil || res.Outcome != exauth.OutcomeRejected || len(j.Pending()) != 0 || len(j.Recent()) != 1 || j.Recent()[0].Outcome != exauth.OutcomeRejected {
		t.Errorf("%+v, %v, pending %v, recent %v", res, err, j.Pending(), j.Recent())
	}
	srv.Close()
	if _, err := c.Do(t.Context(), journalOrder); err == nil || errors.Is(err, exauth.ErrOutcomeUnknown) {
		t.Errorf("nobody listens: %v", err)
	}
	if len(j.Pending()) != 0 || len(j.Recent()) != 1 {
		t.Errorf("pending %v, recent %v", j.Pending(), j.Recent())
	}
	if _, err := c.Do(t.Context(), exauth.Call{Path: "/x"}); err == nil {
		t.Error("a read was answered")
	}
	j.Close()
	if text, _ := os.ReadFile(path); bytes.Contains(text, []byte(`"path":"/x"`)) {
		t.Errorf("reads are in the journal: %s", text)
	}
}

// TestJournalUndecoded: an answer that does not fit its type leaves the entry open.
func TestJournalUndecoded(t *testing.T) {
	j := openJournal(t, filepath.Join(t.TempDir(), "journal"))
	srv := record(t, func(w http.ResponseWriter, a arrival, _ int) { fmt.Fprintf(w, `{"id":%q}`, a.uri) })
	c := newClient(t, lookupVenue(srv.URL), &exauth.Options{Journal: j})
	_, err := exauth.Do[int](t.Context(), c, journalOrder)
	var e *exauth.Error
	if !errors.As(err, &e) || len(j.Pending()) != 1 || j.Pending()[0].ClientOrderID != e.ClientOrderID {
		t.Fatalf("%v, pending %v", err, j.Pending())
	}
	res, err := c.Resolve(t.Context(), e) // the caller's own error ends the entry, too
	if err != nil || res.Outcome != exauth.OutcomeAccepted || len(j.Pending()) != 0 {
		t.Errorf("%+v, %v, pending %v", res, err, j.Pending())
	}
}

// TestJournalSettle: what cannot be looked up is ended by hand.
func TestJournalSettle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j := openJournal(t, path)
	srv := record(t, func(http.ResponseWriter, arrival, int) { panic(http.ErrAbortHandler) })
	srv.Config.ErrorLog = quiet()
	c := newClient(t, lookupVenue(srv.URL), &exauth.Options{Journal: j, Scope: all})
	for _, call := range []exauth.Call{{Method: "POST", Path: "/withdraw"}, {Method: "DELETE", Path: "/order"}} {
		if _, err := c.Do(t.Context(), call); !errors.Is(err, exauth.ErrOutcomeUnknown) {
			t.Fatal(err)
		}
	}
	j.Close()
	j = openJournal(t, path)
	p := j.Pending()
	if len(p) != 2 || p[0].Path != "/withdraw" || p[1].Method != "DELETE" {
		t.Fatalf("pending: %+v", p)
	}
	if res, err := c.Resolve(t.Context(), p[0]); err != nil || res.Outcome != exauth.OutcomeUnknown || len(j.Pending()) != 2 {
		t.Errorf("%+v, %v", res, err)
	}
	other := openJournal(t, filepath.Join(t.TempDir(), "journal"))
	for name, err := range map[string]error{"of another journal": other.Settle(p[0], exauth.OutcomeAccepted), "still unknown": j.Settle(p[0], exauth.OutcomeUnknown),
		"nil": j.Settle(nil, exauth.OutcomeAccepted), "of nobody": j.Settle(&exauth.Error{Outcome: exauth.OutcomeUnknown}, exauth.OutcomeAccepted)} {
		if !errors.Is(err, exauth.ErrParam) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, e := range p {
		if err := j.Settle(e, exauth.OutcomeAccepted); err != nil {
			t.Error(err)
		}
	}
	j.Close()
	if p := openJournal(t, path).Pending(); len(p) != 0 {
		t.Errorf("pending: %v", p)
	}
}

// TestJournalFull (O7): on a full disk an order is refused and not sent, reads and
// cancels pass; when there is room again, orders do.
func TestJournalFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j := openJournal(t, path)
	srv := record(t, nil)
	c := newClient(t, lookupVenue(srv.URL), &exauth.Options{Journal: j})
	cancel := exauth.Call{Method: "DELETE", Path: "/order"}
	do := func(call exauth.Call) error { _, err := c.Do(t.Context(), call); return err }
	if err := do(journalOrder); err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		if err := j.FillDisk(true); err != nil {
			t.Fatal(err)
		}
		sent := len(srv.arrivals())
		for range 2 {
			var e *exauth.Error
			if err := do(journalOrder); !errors.Is(err, exauth.ErrJournal) || !errors.As(err, &e) || e.Kind != exauth.ErrJournal || e.Outcome != exauth.OutcomeNotSent || len(srv.arrivals()) != sent {
				t.Errorf("round %d: order on a full disk: %v", round, err)
			}
		}
		if err := do(exauth.Call{Path: "/x"}); err != nil {
			t.Errorf("read: %v", err)
		}
		if err := do(cancel); err != nil {
			t.Errorf("cancel: %v", err)
		}
		if err := j.FillDisk(false); err != nil {
			t.Fatal(err)
		}
		if err := do(journalOrder); err != nil || len(srv.arrivals()) != sent+3 {
			t.Errorf("round %d: order with room again: %v", round, err)
		}
	}
	if len(j.Pending()) != 0 {
		t.Errorf("pending: %v", j.Pending())
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	if err := do(journalOrder); !errors.Is(err, exauth.ErrJournal) {
		t.Errorf("order after Close: %v", err)
	}
	if err := do(cancel); err != nil {
		t.Errorf("cancel after Close: %v", err)
	}
	if err := j.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if p := openJournal(t, path).Pending(); len(p) != 0 {
		t.Errorf("pending after a restart: %v", p)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := c.Do(ctx, journalOrder); err == nil {
		t.Error("canceled, and sent")
	}
}

// TestJournalLock: two journals on one file are one too many.
func TestJournalLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j := openJournal(t, path)
	if _, err := exauth.OpenJournal(path); !errors.Is(err, exauth.ErrJournal) || !strings.Contains(err.Error(), "in use by another process") || !strings.Contains(err.Error(), path) {
		t.Errorf("second journal: %v", err)
	}
	j.Close()
	openJournal(t, path)
	for name, path := range map[string]string{"a directory": t.TempDir(), "no directory": filepath.Join(path, "x")} {
		if _, err := exauth.OpenJournal(path); !errors.Is(err, exauth.ErrJournal) {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(other, []byte("my only copy of a novel\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := exauth.OpenJournal(other); !errors.Is(err, exauth.ErrJournal) {
		t.Errorf("a novel: %v", err)
	}
	if text, _ := os.ReadFile(other); !bytes.HasPrefix(text, []byte("my only copy")) {
		t.Errorf("the novel is now %q", text)
	}
}

// leftBehind makes a journal with n orders in flight and one that ended, and returns
// its text and the ids in flight.
func leftBehind(t testing.TB, n int) (text []byte, ids []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "journal")
	j := openJournal(t, path)
	rt := stubTrip(func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		if bytes.Contains(body, []byte("ends")) {
			return reply(200, `{"id":"ends"}`), nil
		}
		return nil, errors.New("gone")
	})
	c := newClient(t, lookupVenue("https://api.tiny.example"), &exauth.Options{Journal: j, Now: fixedNow, HTTPClient: &http.Client{Transport: rt}})
	for i := range n + 1 {
		call := journalOrder
		if i == n/2 {
			call.ClientOrderID = "ends"
		} else {
			ids = append(ids, fmt.Sprintf("order-%d", i))
			call.ClientOrderID = ids[len(ids)-1]
		}
		_, _ = c.Do(context.Background(), call)
	}
	j.Close()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text, ids
}

// pendingIn opens a file of text and lists what is in flight in it; holes counts the
// entries that say a line was damaged.
func pendingIn(t testing.TB, text []byte) (ids []string, holes int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "journal")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	j, err := exauth.OpenJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	for _, e := range j.Pending() {
		if strings.Contains(e.Message, "damaged") {
			holes++
		} else {
			ids = append(ids, e.ClientOrderID)
		}
	}
	return ids, holes
}

// TestJournalTorn: wherever a crash cuts the file, what was whole is there; what was
// damaged inside is not passed over in silence.
func TestJournalTorn(t *testing.T) {
	text, ids := leftBehind(t, 3)
	step := 11
	if os.Getenv("EXAUTH_TEST_LONG") != "" {
		step = 1
	}
	head := bytes.IndexByte(text, '\n') + 1
	for n := head; n <= len(text); n += step {
		got, holes := pendingIn(t, text[:n])
		var want []string
		ended := bytes.Contains(text[:n], []byte(`"fate":"accepted"}`+"\n"))
		for _, id := range append(append([]string(nil), ids[:1]...), "ends", ids[1], ids[2]) {
			if i := bytes.Index(text, []byte(id)); bytes.IndexByte(text[i:], '\n')+i < n && !(id == "ends" && ended) {
				want = append(want, id)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || holes != 0 {
			t.Fatalf("cut at %d: %v and %d holes, want %v", n, got, holes, want)
		}
	}
	lines := bytes.Count(text, []byte("\n")) - 1
	for n := head; n < len(text)-1; n += step {
		flipped := bytes.Clone(text)
		flipped[n] ^= 1
		got, holes := pendingIn(t, flipped)
		last := n >= bytes.LastIndexByte(text[:len(text)-1], '\n')
		if len(got)+holes < len(ids) && !last {
			t.Fatalf("byte %d of %d lines flipped: %v and %d holes", n, lines, got, holes)
		}
	}
	for n := range head { // a journal that does not say it is one is not touched
		path := filepath.Join(t.TempDir(), "journal")
		if err := os.WriteFile(path, text[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := exauth.OpenJournal(path); !errors.Is(err, exauth.ErrJournal) {
			t.Fatalf("%q: %v", text[:n], err)
		}
	}
}

// TestJournalHole: a damaged line stays in the journal until it is settled by hand.
func TestJournalHole(t *testing.T) {
	text, _ := leftBehind(t, 3)
	first := bytes.Index(text, []byte("order-0"))
	text[first] = 'x'
	path := filepath.Join(t.TempDir(), "journal")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		j := openJournal(t, path)
		holes := 0
		for _, e := range j.Pending() {
			if strings.Contains(e.Message, "damaged") && e.Outcome == exauth.OutcomeUnknown {
				holes++
			}
		}
		if holes != 1 {
			t.Errorf("%d holes", holes)
		}
		j.Close()
	}
	j := openJournal(t, path)
	for _, e := range j.Pending() {
		if err := j.Settle(e, exauth.OutcomeRejected); err != nil {
			t.Error(err)
		}
	}
	j.Close()
	if p := openJournal(t, path).Pending(); len(p) != 0 {
		t.Errorf("pending: %v", p)
	}
}

// TestJournalOthers (K9): only a client of the same venue, environment, account and key
// is believed when it does not find an order, and only reads are asked.
func TestJournalOthers(t *testing.T) {
	text, _ := leftBehind(t, 1)
	path := filepath.Join(t.TempDir(), "journal")
	open := func(text []byte) *exauth.Journal {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return openJournal(t, path)
	}
	srv := record(t, func(w http.ResponseWriter, _ arrival, _ int) { io.WriteString(w, `{"found":""}`) })
	j := open(text)
	for name, tc := range map[string]struct {
		edit func(*exauth.Venue, *exauth.Options)
		key  *exauth.Key
	}{
		"another venue":       {func(v *exauth.Venue, _ *exauth.Options) { v.Name = "tiny2" }, tinyKey()},
		"another environment": {func(v *exauth.Venue, _ *exauth.Options) { v.Environment = "testnet" }, tinyKey()},
		"another account":     {func(_ *exauth.Venue, o *exauth.Options) { o.Account = "second" }, tinyKey()},
		"another key":         {func(*exauth.Venue, *exauth.Options) {}, exauth.NewSecretKey("another-key-id-77", tinySecret)},
		"a lesser key":        {func(*exauth.Venue, *exauth.Options) {}, tinyKey().Restrict(exauth.ScopeRead)},
		"no key":              {func(*exauth.Venue, *exauth.Options) {}, nil},
	} {
		v, o := lookupVenue(srv.URL), &exauth.Options{Journal: j}
		tc.edit(v, o)
		c, err := exauth.New(v, tc.key, o)
		if err != nil {
			t.Fatal(err)
		}
		res, err := c.Resolve(t.Context(), j.Pending()[0])
		if err == nil || res.Outcome != exauth.OutcomeUnknown || len(j.Pending()) != 1 || len(srv.arrivals()) != 0 {
			t.Errorf("%s: %+v, %v, %d questions", name, res, err, len(srv.arrivals()))
		}
		c.Close()
	}
	c := newClient(t, lookupVenue(srv.URL), &exauth.Options{Journal: j})
	if res, err := c.Resolve(t.Context(), j.Pending()[0]); err != nil || res.Outcome != exauth.OutcomeRejected {
		t.Errorf("the right client: %+v, %v", res, err)
	}
	j.Close()

	// Somebody writes an order where the question was, or a moment that never comes.
	asked := len(srv.arrivals())
	for _, change := range [][2]string{{`"ask":[{"method":"GET","path":"/lookup"`, `"ask":[{"method":"POST","path":"/order"`},
		{`"ask":[{"method":"GET","path":"/lookup"`, `"ask":[{"method":"POST","path":"/unlisted"`},
		{`"ask":[{"method":"GET","path":"/lookup"`, `"ask":[{"method":"GET","path":"/buy"`},
		{`"until":"2023`, `"until":"2923`}, {`"until":"2023`, `"until":"1923`}} {
		j := open(rewritten(t, text, change[0], change[1]))
		res, err := newClient(t, lookupVenue(srv.URL), &exauth.Options{Journal: j}).Resolve(t.Context(), j.Pending()[0])
		if res.Outcome != exauth.OutcomeUnknown {
			t.Errorf("%s: %+v, %v", change[1], res, err)
		}
		for _, a := range srv.arrivals()[asked:] {
			if !strings.HasPrefix(a.uri, "/lookup") {
				t.Errorf("%s: %s %s was sent", change[1], a.method, a.uri)
			}
		}
		j.Close()
	}
}

// rewritten changes a journal's text as somebody would who knows how it is summed.
func rewritten(t *testing.T, text []byte, old, new string) []byte {
	t.Helper()
	if !bytes.Contains(text, []byte(old)) {
		t.Fatalf("no %s in %s", old, text)
	}
	lines := strings.Split(strings.ReplaceAll(string(text), old, new), "\n")
	for i, line := range lines {
		if _, body, ok := strings.Cut(line, " "); ok && i > 0 {
			lines[i] = exauth.Checksum([]byte(body)) + " " + body
		}
	}
	return []byte(strings.Join(lines, "\n"))
}

// TestJournalGrowth: the file does not grow for ever, and loses nothing when it is
// written anew.
func TestJournalGrowth(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j := openJournal(t, path)
	var mu sync.Mutex
	lost := map[string]bool{}
	rt := stubTrip(func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		var o struct{ ID string }
		if err := json.Unmarshal(body, &o); err != nil {
			return nil, err
		}
		if strings.HasSuffix(o.ID, "77") {
			mu.Lock()
			lost[o.ID] = true
			mu.Unlock()
			return nil, errors.New("gone")
		}
		return reply(200, `{}`), nil
	})
	v := lookupVenue("https://api.tiny.example")
	c := newClient(t, v, &exauth.Options{Journal: j, HTTPClient: &http.Client{Transport: rt}})
	var group sync.WaitGroup
	const each, workers = 100, 64
	for w := range workers {
		group.Go(func() {
			for i := range each {
				call := journalOrder
				call.ClientOrderID = fmt.Sprintf("w%d-%d", w, i)
				_, _ = c.Do(t.Context(), call)
			}
		})
	}
	group.Wait()
	j.Close()
	info, err := os.Stat(path)
	if err != nil || info.Size() > 3<<20 {
		t.Errorf("%d bytes after %d orders, %v", info.Size(), each*workers, err)
	}
	again := openJournal(t, path)
	p := again.Pending()
	for _, e := range p {
		if !lost[e.ClientOrderID] {
			t.Errorf("%s is pending", e.ClientOrderID)
		}
	}
	if len(p) != len(lost) || len(p) != workers || len(again.Recent()) != 1000 {
		t.Errorf("%d pending, %d lost, %d recent", len(p), len(lost), len(again.Recent()))
	}
	t.Logf("%d orders, file %d bytes", each*workers, info.Size())
}

// TestJournalBatch: the orders of a batch that was in flight are settled one by one by
// the next process.
func TestJournalBatch(t *testing.T) {
	for name, b := range batches {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { journalBatch(t, b.venue(), b.call) }) })
	}
}

func journalBatch(t *testing.T, v *exauth.Venue, call exauth.Call) {
	path := filepath.Join(t.TempDir(), "journal")
	srv := exchangetest.NewServer(t, v, nil)
	client := func(j *exauth.Journal) *exauth.Client {
		c, err := exauth.New(srv.Venue(), srv.Key(exauth.ScopeTradeSpot).Credential(), &exauth.Options{Journal: j, HTTPClient: srv.Client(),
			Limiter: exauth.NewLimiter(v, &exauth.LimiterOptions{Off: true})})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	if err := srv.SetFaults(exchangetest.Fault{Kind: exchangetest.FaultResetAfter, Path: call.Path}); err != nil {
		t.Fatal(err)
	}
	j := openJournal(t, path)
	if _, err := client(j).Do(t.Context(), call); !errors.Is(err, exauth.ErrOutcomeUnknown) {
		t.Fatal(err)
	}
	j.Close()
	j = openJournal(t, path)
	p := j.Pending()
	if len(p) != 1 || len(p[0].Items) != 3 {
		t.Fatalf("pending %+v", p)
	}
	res, err := client(j).Resolve(t.Context(), p[0])
	if err != nil || res.Outcome != exauth.OutcomePartial || len(j.Pending()) != 0 {
		t.Errorf("%+v, %v", res, err)
	}
	for _, it := range res.Items {
		if n := srv.Executions(it.ClientOrderID); (n == 1) != (it.Outcome == exauth.OutcomeAccepted) {
			t.Errorf("%q is %v, executed %d times", it.ClientOrderID, it.Outcome, n)
		}
	}
	j.Close()
}

// TestJournalVenues: what each venue's journal needs to hold is enough to ask again.
func TestJournalVenues(t *testing.T) {
	for name, f := range floors {
		path := filepath.Join(t.TempDir(), "journal")
		j := openJournal(t, path)
		v := f.venue()
		srv, err := exchangetest.Start(v, &exchangetest.Options{Faults: []exchangetest.Fault{{Kind: exchangetest.FaultResetAfter, Path: f.place, Method: "POST"}}})
		if err != nil {
			t.Fatal(err)
		}
		defer srv.Close()
		client := func(j *exauth.Journal) *exauth.Client {
			c, err := exauth.New(srv.Venue(), srv.Key(exauth.ScopeTradeSpot).Credential(), &exauth.Options{Journal: j, HTTPClient: srv.Client(),
				Limiter: exauth.NewLimiter(v, &exauth.LimiterOptions{Off: true})})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			return c
		}
		if _, err := client(j).Do(t.Context(), f.order); !errors.Is(err, exauth.ErrOutcomeUnknown) {
			t.Fatal(err)
		}
		j.Close()
		j = openJournal(t, path)
		p := j.Pending()
		if len(p) != 1 || p[0].SettledAt.IsZero() {
			t.Fatalf("%s: pending %+v", name, p)
		}
		res, err := client(j).Resolve(t.Context(), p[0])
		if err != nil || res.Outcome != exauth.OutcomeAccepted || srv.Executions(p[0].ClientOrderID) != 1 {
			t.Errorf("%s: %+v, %v", name, res, err)
		}
		text, _ := os.ReadFile(path)
		for _, word := range []string{"price", `"px"`, "px=", "quantity", "volume", "0.001", "signature", srv.Key(exauth.ScopeTradeSpot).Secret} {
			if bytes.Contains(text, []byte(word)) {
				t.Errorf("%s: the journal holds %q", name, word)
			}
		}
	}
}

// FuzzJournal: whatever a file holds, reading it never panics; what it says is in
// flight, and what ended, is the same after it was written anew.
func FuzzJournal(f *testing.F) {
	text, _ := leftBehind(f, 3)
	f.Add(text)
	f.Add(text[:len(text)-20])
	f.Add(text[:17])
	f.Add([]byte("exauth journal 1\n\n\n"))
	f.Add(bytes.Replace(text, []byte("order-0"), []byte("order-1"), 1))
	f.Add(append(bytes.Clone(text), text[17:]...))
	f.Add([]byte("exauth journal 1\n0 {\"n\":1,\"venue\":\"tiny\",\"items\":[{\"id\":\"a\",\"ask\":[{\"path\":\"/order\",\"params\":{}}]},{}]}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<16 {
			return
		}
		fuzzJournal(t, text)
		lines := strings.Split(string(text), "\n") // once more, with its sums put right
		for i, line := range lines {
			if _, body, ok := strings.Cut(line, " "); ok && i > 0 {
				lines[i] = exauth.Checksum([]byte(body)) + " " + body
			}
		}
		fuzzJournal(t, []byte(strings.Join(lines, "\n")))
	})
}

func fuzzJournal(t *testing.T, text []byte) {
	list := func(errs []*exauth.Error) (s []string) {
		for _, e := range errs {
			s = append(s, fmt.Sprintf("%v %s %s %s %q %d %v", e.Outcome, e.Venue, e.Method, e.Path, e.ClientOrderID, len(e.Items), e.SettledAt))
		}
		return s
	}
	pending, recent, snapshot, err := exauth.ParseJournal(text)
	if err != nil {
		return
	}
	again, recentAgain, _, err := exauth.ParseJournal(snapshot)
	if err != nil || fmt.Sprint(list(pending)) != fmt.Sprint(list(again)) || fmt.Sprint(list(recent)) != fmt.Sprint(list(recentAgain)) {
		t.Errorf("%v\n%q\n%q\nthen\n%q\n%q", err, list(pending), list(recent), list(again), list(recentAgain))
	}
	for _, e := range pending {
		if e.Outcome != exauth.OutcomeUnknown {
			t.Errorf("%+v is pending", e)
		}
	}
}

// BenchmarkJournal compares orders with and without a journal, one by one and 64 side
// by side, over a transport that answers at once.
func BenchmarkJournal(b *testing.B) {
	rt := stubTrip(func(*http.Request) (*http.Response, error) { return reply(200, `{}`), nil })
	for _, with := range []bool{false, true} {
		for _, workers := range []int{1, 64} {
			b.Run(fmt.Sprintf("journal=%v/workers=%d", with, workers), func(b *testing.B) {
				o := &exauth.Options{HTTPClient: &http.Client{Transport: rt}}
				if with {
					o.Journal = openJournal(b, filepath.Join(b.TempDir(), "journal"))
				}
				c := newClient(b, lookupVenue("https://api.tiny.example"), o)
				b.ReportAllocs()
				b.ResetTimer()
				var group sync.WaitGroup
				for w := range workers {
					group.Go(func() {
						for i := w; i < b.N; i += workers {
							if _, err := c.Do(context.Background(), journalOrder); err != nil {
								b.Error(err)
							}
						}
					})
				}
				group.Wait()
			})
		}
	}
}
