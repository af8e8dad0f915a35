package exauth_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"expvar"
	"flag"
	"fmt"
	htmltemplate "html/template"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"text/template"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/exauth/exauth"
)

// What must not show, all fake and all unlike anything else in the output.
const (
	canaryID     = "FAKEid0Qz7Xw3Vb9Km5Np2Rt8Ys4Uf6Gh1Jd"
	canarySecret = "FAKEsecret4Lc8Ax2We6Zs0Dq5Fv9Gt3Hb7Nj1Mk"
	canaryPhrase = "FAKEphrase9Po4Iu7Yt2Re6Wq"
	canaryToken  = "FAKEtoken3Mn8Bv6Cx1Zl5Kj9Hg"
)

// A taint is one thing that must not show, in any spelling.
type taint struct {
	name  string
	forms []string
}

// newTaint spells a secret in every way a sink may: as it is, hex, base64 at each of
// its three offsets, escaped, as a list of numbers, and padded as HMAC does (RFC
// 2104). Short pieces from its middle stand for the whole.
func newTaint(name string, secret []byte) taint {
	t := taint{name: name}
	add := func(b []byte) {
		piece := b[len(b)/4:]
		piece = piece[:min(len(piece), 12)]
		t.forms = append(t.forms, string(piece), hex.EncodeToString(piece), strings.ToUpper(hex.EncodeToString(piece)),
			fmt.Sprintf("% x", piece), fmt.Sprintf("% X", piece), url.QueryEscape(string(piece)))
		var go1, go2, plain []string
		for _, c := range piece[:6] {
			plain = append(plain, fmt.Sprint(c))
			go1 = append(go1, fmt.Sprintf("%#x", c))
			go2 = append(go2, fmt.Sprintf("%#02x", c))
		}
		for _, sep := range []string{" ", ", ", ","} {
			t.forms = append(t.forms, strings.Join(plain, sep), strings.Join(go1, sep), strings.Join(go2, sep))
		}
		if q := fmt.Sprintf("%q", piece); len(q) > 2 {
			t.forms = append(t.forms, q[1:len(q)-1])
		}
		for off := range 3 {
			enc := base64.StdEncoding.EncodeToString(piece[off : off+9])
			t.forms = append(t.forms, enc, base64.URLEncoding.EncodeToString(piece[off:off+9]))
		}
	}
	add(secret)
	for _, pad := range []byte{0x36, 0x5c} {
		padded := bytes.Clone(secret)
		for i := range padded {
			padded[i] ^= pad
		}
		add(padded)
	}
	return t
}

func numberTaint(name string, n *big.Int) taint {
	t := newTaint(name, n.Bytes())
	for _, text := range []string{n.String(), n.Text(16), strings.ToUpper(n.Text(16))} {
		t.forms = append(t.forms, text[len(text)/3:len(text)/3+20])
	}
	words := n.Bits() // as reflection prints a big.Int
	for _, w := range words[1:3] {
		t.forms = append(t.forms, fmt.Sprint(uint(w)), fmt.Sprintf("%#x", uint(w)))
	}
	return t
}

// shown names what of the taints a text shows.
func shown(text string, taints []taint) string {
	for _, t := range taints {
		for _, f := range t.forms {
			if i := strings.Index(text, f); i >= 0 {
				return fmt.Sprintf("%s, as %.24q, in …%.300q…", t.name, f, text[max(0, i-100):min(len(text), i+150)])
			}
		}
	}
	return ""
}

var canaries = sync.OnceValue(func() []taint {
	list := []taint{newTaint("key id", []byte(canaryID)), newTaint("secret", []byte(canarySecret)),
		newTaint("passphrase", []byte(canaryPhrase)), newTaint("token", []byte(canaryToken))}
	ed, rsaKey := canaryKeys()
	list = append(list, newTaint("Ed25519 seed", ed.Seed()), numberTaint("RSA exponent", rsaKey.D),
		numberTaint("RSA prime", rsaKey.Primes[0]), numberTaint("RSA dP", rsaKey.Precomputed.Dp))
	der, _ := x509.MarshalPKCS8PrivateKey(rsaKey)
	body := base64.StdEncoding.EncodeToString(der)
	return append(list, taint{"RSA PEM", []string{body[600:624], body[1000:1024]}})
})

var canaryKeys = sync.OnceValues(func() (ed25519.PrivateKey, *rsa.PrivateKey) {
	read := func(name string) any {
		b, err := os.ReadFile(filepath.Join("testdata", "keys", name))
		if err != nil {
			panic(err)
		}
		return parseFake(b)
	}
	return read("fake-ed25519.pem").(ed25519.PrivateKey), read("fake-rsa2048.pem").(*rsa.PrivateKey)
})

// A sink shows a value to somebody. What it returns is searched.
type sink struct {
	name string
	show func(v any) string
}

func sinks() []sink {
	list := []sink{}
	for _, verb := range []string{"v", "+v", "#v", "s", "q", "x", "X", "d", "p", "T", "c", "U", "b", "o", "O", "e", "g", "t",
		"+q", "#q", "#x", "# x", "+d", "+s", "10v", ".200v"} {
		list = append(list, sink{"%" + verb, func(v any) string { return fmt.Sprintf("%"+verb, v) }})
	}
	encoded := func(name string, encode func(v any) ([]byte, error)) sink {
		return sink{name, func(v any) string { b, err := encode(v); return fmt.Sprintf("%s %v %+v", b, err, err) }}
	}
	logged := func(name string, handler func(io.Writer) slog.Handler) sink {
		return sink{name, func(v any) string {
			var b bytes.Buffer
			l := slog.New(handler(&b))
			l.Info("m", "k", v)
			l.With("k", v).WithGroup("g").Warn("m", slog.Group("h", "k", []any{v}))
			return b.String()
		}}
	}
	return append(list,
		sink{"Sprint", func(v any) string { return fmt.Sprint(v, v) + fmt.Sprintln(v) + string(fmt.Append(nil, v)) }},
		sink{"Sprint of reflect.Value", func(v any) string { return fmt.Sprintf("%v %+v", reflect.ValueOf(v), reflect.ValueOf(&v).Elem()) }},
		sink{"Errorf", func(v any) string { return fmt.Errorf("failed with %v: %+v", v, v).Error() }},
		sink{"errors.Join", func(v any) string { return fmt.Sprintf("%+v", errors.Join(fmt.Errorf("%v", v), fmt.Errorf("%#v", v))) }},
		encoded("json", json.Marshal),
		encoded("json indented", func(v any) ([]byte, error) { return json.MarshalIndent(map[string]any{"k": v}, "", " ") }),
		encoded("xml", xml.Marshal),
		encoded("gob", func(v any) ([]byte, error) {
			var b bytes.Buffer
			err := gob.NewEncoder(&b).Encode(v)
			return b.Bytes(), err
		}),
		encoded("text", func(v any) ([]byte, error) {
			if m, ok := v.(encoding.TextMarshaler); ok {
				return m.MarshalText()
			}
			return nil, nil
		}),
		sink{"expvar", func(v any) string { return expvar.Func(func() any { return v }).String() }},
		sink{"flag", showFlag},
		logged("slog text", func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) }),
		logged("slog JSON", func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) }),
		sink{"log", func(v any) string {
			var b bytes.Buffer
			l := log.New(&b, "", 0)
			l.Printf("%v", v)
			l.Println(v)
			return b.String()
		}},
		sink{"text/template", func(v any) string {
			return execute(template.Must(template.New("").Parse(`{{.}} {{printf "%+v" .}} {{print .}} {{html .}} {{js .}}`)), v)
		}},
		sink{"html/template", func(v any) string {
			return execute(htmltemplate.Must(htmltemplate.New("").Parse(`<a title="{{.}}">{{.}}</a><script>x = {{.}}</script>`)), v)
		}},
		sink{"testify", func(v any) string {
			var t said
			assert.Equal(&t, reflect.Zero(reflect.TypeOf(v)).Interface(), v)
			assert.Nil(&t, v)
			assert.Contains(&t, []any{v}, 1)
			return t.text
		}},
		sink{"recovered panic", func(v any) (text string) {
			defer func() { r := recover(); text = fmt.Sprintf("%v %+v %#v", r, r, r) }()
			panic(v)
		}},
	)
}

type executor interface{ Execute(io.Writer, any) error }

func execute(t executor, v any) string {
	var b bytes.Buffer
	err := t.Execute(&b, v)
	return fmt.Sprint(b.String(), err)
}

// said is a testify TestingT that keeps what it is told.
type said struct{ text string }

func (s *said) Errorf(format string, args ...any) { s.text += fmt.Sprintf(format, args...) }

// showFlag prints a value as the default of a flag.
func showFlag(v any) string {
	m, ok := v.(encoding.TextMarshaler)
	u, ok2 := v.(encoding.TextUnmarshaler)
	if !ok || !ok2 || reflect.ValueOf(v).IsNil() {
		return ""
	}
	var b bytes.Buffer
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	fs.SetOutput(&b)
	p := reflect.New(reflect.TypeOf(v).Elem())
	p.Elem().Set(reflect.ValueOf(v).Elem())
	fs.TextVar(p.Interface().(encoding.TextUnmarshaler), "key", m, "a key")
	fs.PrintDefaults()
	fmt.Fprint(&b, fs.Parse([]string{"-key", "x"}), u != nil)
	return b.String()
}

// The places a user keeps a value in.
type (
	exported[T any] struct {
		Name  string
		Value T
	}
	unexported[T any] struct {
		name  string
		value T
	}
	embedding struct {
		exauth.Key
		name string
	}
)

// places puts a value everywhere.
func places[T any](v T) map[string]any {
	p := &v
	return map[string]any{
		"value": v, "pointer": p, "pointer to pointer": &p,
		"exported field": exported[T]{"n", v}, "exported field, by pointer": &exported[T]{"n", v},
		"exported pointer": exported[*T]{"n", p},
		"unexported field": unexported[T]{"n", v}, "unexported field, by pointer": &unexported[T]{"n", v},
		"unexported pointer": unexported[*T]{"n", p}, "unexported any": unexported[any]{"n", v},
		"nested": unexported[exported[[]T]]{"n", exported[[]T]{"n", []T{v}}},
		"slice":  []T{v}, "array": [1]T{v}, "slice of any": []any{v, p},
		"map": map[string]T{"k": v}, "map of any": map[string]any{"k": v}, "map of pointers": map[string]*T{"k": p},
		"map in a field": unexported[map[string]T]{"n", map[string]T{"k": v}},
		"channel":        make(chan T), "function": func() T { return v },
	}
}

// holders are all types of the library that hold, or lead to, a key.
func holders(t testing.TB) map[string]map[string]any {
	t.Helper()
	dir := t.TempDir()
	ed, rsaKey := canaryKeys()
	key := exauth.NewSecretKey(canaryID, canarySecret).WithPassphrase(canaryPhrase).WithField("uid", canaryPhrase)
	h := must(exauth.NewHMAC(exauth.HMACSHA256, []byte(canarySecret)))(t)
	seed := []byte(base64.StdEncoding.EncodeToString(ed.Seed()))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "{}") }))
	t.Cleanup(srv.Close)
	limiter, attempts, raised := &demands{}, []exauth.Attempt{}, []exauth.Alert{}
	usage := openLog(t, filepath.Join(dir, "usage.jsonl"), nil)
	alerts := exauth.NewAlerts(func(a exauth.Alert) { raised = append(raised, a) }, nil)
	opts := exauth.Options{Account: "main", Limiter: limiter, Observer: exauth.Observers(usage.Observe, alerts.Observe,
		func(a exauth.Attempt) { attempts = append(attempts, a) })}
	client := must(exauth.New(keyVenue().At(srv.URL), key, &opts))(t)
	resp := must(client.Do(bg, exauth.Call{Path: "/v1/me"}))(t)
	_, _ = client.Do(bg, exauth.Call{Method: "POST", Path: "/v1/withdraw", Params: exauth.Params{{Name: "symbol", Value: canarySecret}}})

	t.Setenv("CANARY_API_KEY", canaryID)
	t.Setenv("CANARY_API_SECRET_FILE", write(t, filepath.Join(dir, "secret"), canarySecret))
	t.Setenv("CANARY_PASSPHRASE", canaryPhrase)
	env := exauth.EnvKey("CANARY")
	file := exauth.FileKey(write(t, filepath.Join(dir, "keys.json"), `{"version":1,"keys":[{"venue":"acme","id":"`+canaryID+
		`","secret":"`+canarySecret+`","passphrase":"`+canaryPhrase+`"}]}`))
	write(t, filepath.Join(dir, "api_key"), canaryID)
	write(t, filepath.Join(dir, "api_secret"), canarySecret)
	mount := exauth.DirKey(dir)
	must(mount.Key(bg, exauth.Need{}))(t)
	cache := exauth.CacheKey(file, time.Hour)
	textOpts := exauth.TextOptions{Name: "n", Parse: func(text []byte) (*exauth.Key, error) {
		return exauth.NewSecretKeyBytes(canaryID, text).WithPassphrase(canaryPhrase), nil
	}}
	text := exauth.TextKey(func(context.Context) ([]byte, error) { return []byte(canarySecret), nil }, &textOpts)
	first := exauth.FirstKey(env, file, key)
	for _, src := range []exauth.KeySource{env, file, cache, first, text} {
		must(src.Key(bg, exauth.Need{Venue: "acme"}))(t)
	}
	bound := key.For("acme", "", "main").WithEgress("socks5://user:" + canaryPhrase + "@proxy.example:1080").
		WithFacts(exauth.KeyFacts{Name: "bot", Created: time.Now().AddDate(-1, 0, 0), LastUsed: time.Now().AddDate(-1, 0, 0)})
	ring := must(exauth.NewKeyRing(bound, file))(t)
	checked := keyVenue()
	checked.KeyCheck = exauth.KeyCheck{Call: exauth.Call{Path: "/v1/me"}, Parse: func(*exauth.Response, string) (exauth.KeyReport, error) {
		return exauth.KeyReport{Can: exauth.ScopeWithdraw}, nil
	}}
	ringed := must(exauth.New(checked.At(srv.URL), ring, &exauth.Options{Account: "main"}))(t)
	journal := must(exauth.OpenJournal(filepath.Join(dir, "journal")))(t)
	nonces := must(exauth.NonceFile(filepath.Join(dir, "nonces")))(t)
	counted := keyVenue().At(srv.URL)
	counted.NonceUnit = time.Millisecond
	entered := must(exauth.New(counted, key, &exauth.Options{Journal: journal, Nonce: nonces}))(t)
	_, lost := exauth.Do[int](bg, entered, exauth.Call{Method: "POST", Path: "/v1/orders", Params: exauth.Params{{Name: "note", Value: canarySecret}}})
	pending := journal.Pending()
	if !errors.Is(lost, exauth.ErrOutcomeUnknown) || len(pending) != 1 {
		t.Fatalf("%v, pending %v", lost, pending)
	}
	if err := errors.Join(journal.Close(), nonces.Close()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"journal", "nonces"} {
		if what := shown(string(must(os.ReadFile(filepath.Join(dir, name)))(t)), canaries()); what != "" {
			t.Errorf("the file %s shows %s", name, what)
		}
	}
	return map[string]map[string]any{
		"*Journal":              places(journal),
		"*NonceStore":           places(nonces),
		"pending Error":         places(pending[0]),
		"KeyRing":               places(*ring),
		"*KeyRing":              places(ring),
		"Client of a ring":      places(ringed),
		"Key with an egress":    places(bound),
		"KeyReport":             places(must(must(exauth.New(checked.At(srv.URL), key, nil))(t).CheckKey(bg, nil))(t)),
		"KeyFacts":              places(ring.Keys()[0]),
		"KeyWarning":            places(ring.Keys()[0].Warnings(keyVenue(), time.Now())[0]),
		"Key":                   places(*key),
		"*Key":                  places(key),
		"Key of RSA":            places(exauth.NewPrivateKey(canaryID, rsaKey)),
		"Key of Ed25519":        places(*exauth.NewPrivateKey(canaryID, ed)),
		"Key of a PEM":          places(must(exauth.ParsePEM(canaryID, readFile(t, "keys/fake-rsa2048.pem"), nil))(t)),
		"Key that is malformed": places(exauth.NewSecretKey(canaryID+" ", canarySecret+" ")),
		"BearerKey":             places(exauth.BearerKey(func(context.Context) (string, error) { return canaryToken, nil })),
		"embedded Key":          places(embedding{*key, "n"}),
		"HMAC":                  places(*h),
		"*HMAC":                 places(h),
		"RSA Signer":            places(must(exauth.NewSigner(exauth.RSASHA256, rsaKey))(t)),
		"PSS Signer":            places(must(exauth.NewSigner(exauth.RSAPSSSHA512, rsaKey))(t)),
		"Ed25519 Signer":        places(must(exauth.NewSigner(exauth.Ed25519, ed))(t)),
		"Signer of a seed":      places(must(exauth.Ed25519Seed()(seed))(t)),
		"Signer of a text":      places(must(exauth.UTF8Secret(exauth.HMACSHA512)([]byte(canarySecret)))(t)),
		"Client":                places(*client),
		"*Client":               places(client),
		"Options":               places(opts),
		"*Options":              places(&opts),
		"Transport":             places(client.Transport()),
		"Resigner":              places(client.Resigner()),
		"EnvKey":                places(env),
		"FileKey":               places(file),
		"DirKey":                places(mount),
		"CacheKey":              places(cache),
		"FirstKey":              places(first),
		"TextKey":               places(text),
		"TextOptions":           places(textOpts),
		"KeyFunc":               places(exauth.KeyFunc(func(context.Context, exauth.Need) (*exauth.Key, error) { return key, nil })),
		"Venue of a client":     places(client.Venue()),
		"Demand":                places(limiter.seen[0]),
		"Limiter":               places(limiter),
		"Attempt":               places(attempts[0]),
		"Attempt, refused":      places(attempts[1]),
		"UsageRecord":           places(exauth.UsageOf(attempts[1])),
		"UsageLog":              places(usage),
		"Alerts":                places(alerts),
		"Alert":                 places(raised[0]),
		"Response":              places(*resp),
	}
}

// demands is a Limiter that keeps what it is asked.
type demands struct{ seen []exauth.Demand }

func (l *demands) Wait(_ context.Context, d exauth.Demand) (exauth.Lease, error) {
	l.seen = append(l.seen, d)
	return exauth.Lease{}, nil
}

// search puts every place of one holder into every sink.
func search(t *testing.T, places map[string]any, sinks []sink) {
	t.Helper()
	for place, v := range places {
		for _, s := range sinks {
			if found := shown(s.show(v), canaries()); found != "" {
				t.Errorf("%s, %s: shows %s", place, s.name, found)
			}
		}
	}
}

// TestRedaction: nothing that holds a key shows it (K1).
func TestRedaction(t *testing.T) {
	all := sinks()
	if len(all) < 24 {
		t.Fatalf("%d sinks", len(all))
	}
	for name, places := range holders(t) {
		t.Run(name, func(t *testing.T) { search(t, places, all) })
	}
}

// TestRedactionRequest: a Policy and a Scheme may log the Request they are given.
func TestRedactionRequest(t *testing.T) {
	all := sinks()
	ed, _ := canaryKeys()
	for name, key := range map[string]*exauth.Key{
		"secret": exauth.NewSecretKey(canaryID, canarySecret).WithPassphrase(canaryPhrase).WithField("uid", canaryPhrase),
		"seed":   exauth.NewPrivateKey(canaryID, ed),
	} {
		t.Run(name, func(t *testing.T) {
			v := keyVenue()
			scheme, looks := v.Scheme, 0
			look := func(where string, r *exauth.Request) {
				looks++
				t.Run(where, func(t *testing.T) { search(t, places(*r), all); search(t, places(r), all) })
			}
			v.Scheme = exauth.SchemeFunc(func(ctx context.Context, r *exauth.Request) error {
				look("scheme", r)
				if err := scheme.Authorize(ctx, r); err != nil {
					return err
				}
				// Now the fields hold what goes on the wire, by contract; printing the
				// Request itself still shows none of it.
				r.AddQuery("signature=" + canarySecret)
				r.Body = append(r.Body, canarySecret...)
				for _, v := range []any{r, *r, exported[*exauth.Request]{"n", r}, []any{r}, map[string]exauth.Request{"k": *r}} {
					for _, s := range all {
						switch s.name {
						case "gob", "testify", "%p":
							continue // these look at fields, and ask no method
						}
						if found := shown(s.show(v), canaries()); found != "" {
							t.Errorf("after signing, %T, %s: shows %s", v, s.name, found)
						}
					}
				}
				return nil
			})
			opts := &exauth.Options{Policy: func(_ context.Context, r *exauth.Request) error { look("policy", r); return nil }}
			c := must(exauth.New(v, key, opts))(t)
			must(c.Sign(bg, exauth.Call{Method: "POST", Path: "/v1/orders"}))(t)
			if looks != 2 {
				t.Errorf("%d looks, want 2", looks)
			}
		})
	}
}

// TestRedactionPanic: a panic that nobody recovers prints its value. Each dies in a
// process of its own.
func TestRedactionPanic(t *testing.T) {
	const which = "EXAUTH_TEST_PANIC"
	if name := os.Getenv(which); name != "" {
		panic(holders(t)[name]["value"])
	}
	for _, name := range []string{"Key", "*Key", "HMAC", "Client", "Options", "Ed25519 Signer", "EnvKey", "Transport", "KeyRing"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run=^TestRedactionPanic$")
			cmd.Env = append(os.Environ(), which+"="+name)
			out, err := cmd.CombinedOutput()
			if err == nil || !bytes.Contains(out, []byte("panic: ")) {
				t.Fatalf("did not panic: %v, %.300s", err, out)
			}
			if found := shown(string(out), canaries()); found != "" {
				t.Errorf("shows %s", found)
			}
		})
	}
}

// TestRedactionFinds: the search sees what a plain holder shows, so that silence
// means something.
func TestRedactionFinds(t *testing.T) {
	ed, rsaKey := canaryKeys()
	type open struct {
		Secret string
		Raw    []byte
		ID     string
		hidden []byte
		rsa    *rsa.PrivateKey
		ed     ed25519.PrivateKey
	}
	v := open{canarySecret, []byte(canarySecret), canaryID, []byte(canarySecret), rsaKey, ed}
	blind := map[string]bool{"%T": true, "text": true, "flag": true} // show no content, or ask for methods v has not
	for _, s := range sinks() {
		if found := shown(s.show(v), canaries()); (found == "") != blind[s.name] {
			t.Errorf("%s: found %q", s.name, found)
		}
	}
	for _, text := range []string{fmt.Sprint(ed), fmt.Sprintf("%x", []byte(ed)), fmt.Sprint(rsaKey.D), fmt.Sprintf("%v", *rsaKey.D), fmt.Sprintf("%#v", []byte(canarySecret))} {
		if shown(text, canaries()) == "" {
			t.Errorf("not found in %.60s", text)
		}
	}
}

func parseFake(text []byte) any {
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		panic(err)
	}
	return key
}
