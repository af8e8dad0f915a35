package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// callFlags are what sign and call have in common.
type callFlags struct {
	keys          *keyFlags
	venue, at     string
	scope, data   string
	recvWindow    time.Duration
	debug, public bool
}

func (e *env) addCall(fs *flag.FlagSet) *callFlags {
	f := &callFlags{keys: e.addKeys(fs, true)}
	fs.StringVar(&f.venue, "venue", "", "`name` of the venue; exauth venues lists them")
	fs.StringVar(&f.at, "at", "", "another `origin`: a test server, a regional host")
	fs.StringVar(&f.scope, "scope", "read", "what the call may do: read, trade, transfer, withdraw, account, with + between")
	fs.StringVar(&f.data, "data", "", "JSON body: @`FILE`, or @- for standard input, sent as it is")
	fs.DurationVar(&f.recvWindow, "window", 0, "receive window, as 5s")
	fs.BoolVar(&f.public, "public", false, "send without a key")
	return f
}

const callHelp = `
The call is METHOD and PATH as the venue documents them, then its parameters as
name=value. They are written, ordered and encoded as the venue wants; name:=value
takes value as JSON: a number, a list, an object. -data takes a whole JSON body.

Without -scope a call may only read: say -scope trade to place an order.`

// client makes the client and the call of a command line.
func (e *env) client(f *callFlags, args []string, opts exauth.Options) (*exauth.Client, exauth.Call, error) {
	var call exauth.Call
	v, err := venueOf(f.venue, f.at)
	if err != nil {
		return nil, call, err
	}
	if len(args) < 2 || !strings.HasPrefix(args[1], "/") && !strings.HasPrefix(args[1], "https://") {
		return nil, call, usagef("name the call: METHOD /path [name=value …]")
	}
	call = exauth.Call{Method: strings.ToUpper(args[0]), Path: args[1], RecvWindow: f.recvWindow}
	if call.Params, err = e.params(f, args[2:]); err != nil {
		return nil, call, err
	}
	if opts.Scope, err = exauth.ParseScope(f.scope); err != nil {
		return nil, call, err
	}
	var keys exauth.KeySource
	if f.public {
		call.Auth = exauth.AuthNone
	} else if keys, err = f.keys.source(); err != nil {
		return nil, call, err
	}
	opts.Account, opts.RecvWindow = f.keys.account, f.recvWindow
	c, err := exauth.New(v, keys, &opts)
	return c, call, err
}

// params reads name=value and name:=json, or a JSON body.
func (e *env) params(f *callFlags, args []string) (any, error) {
	if f.data != "" {
		if len(args) > 0 || !strings.HasPrefix(f.data, "@") {
			return nil, usagef("-data takes @FILE or @-, and no parameters besides it")
		}
		var text []byte
		var err error
		if f.data == "@-" {
			text, err = io.ReadAll(io.LimitReader(e.in, 1<<20))
		} else {
			text, err = readBounded(f.data[1:], 1<<20)
		}
		if err != nil {
			return nil, err
		}
		text = bytes.TrimSpace(text)
		if !json.Valid(text) {
			return nil, usagef("-data holds no JSON")
		}
		return json.RawMessage(text), nil
	}
	var p exauth.Params
	for _, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		if !ok || name == "" || name == ":" {
			return nil, usagef("parameter %q is not name=value", shown(arg))
		}
		if raw, isJSON := strings.CutSuffix(name, ":"); isJSON {
			if !json.Valid([]byte(value)) {
				return nil, usagef("the value of %s:= is not JSON", shown(raw))
			}
			p = append(p, exauth.Param{Name: raw, Value: json.RawMessage(value)})
			continue
		}
		p = append(p, exauth.Param{Name: name, Value: value})
	}
	if p == nil {
		return nil, nil
	}
	return p, nil
}

func signCommand() command {
	return command{name: "sign", args: "-venue NAME [-curl] [-reveal] METHOD PATH [name=value …]", short: "sign a request without sending it, offline",
		help: callHelp + `

The request is printed with key, signature and token masked, to see what is signed.
-reveal prints it as it is: whoever gets it can send it, for as long as the venue takes
its time stamp. -curl prints a command that sends it; the request goes to curl's
standard input, not to its arguments, which every program of the machine can read.`,
		run: func(e *env, fs *flag.FlagSet) func(context.Context, []string) error {
			f := e.addCall(fs)
			curl := fs.Bool("curl", false, "print a command for curl")
			reveal := fs.Bool("reveal", false, "do not mask key, signature and token")
			return func(ctx context.Context, args []string) error {
				c, call, err := e.client(f, args, exauth.Options{Now: e.now})
				if err != nil {
					return err
				}
				defer c.Close()
				req, err := c.Sign(ctx, call)
				if err != nil {
					return err
				}
				return e.showRequest(c.Venue(), req, *curl, *reveal)
			}
		}}
}

// A signedRequest is a request as sign shows it.
type signedRequest struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body,omitempty"`
	Masked  bool              `json:"masked"`
}

func (e *env) showRequest(v *exauth.Venue, req *http.Request, curl, reveal bool) error {
	r := signedRequest{Method: req.Method, URL: req.URL.String(), Headers: map[string]string{}, Masked: !reveal}
	if req.Body != nil {
		b, err := io.ReadAll(req.Body)
		if err != nil {
			return err
		}
		r.Body = string(b)
	}
	for name, vs := range req.Header {
		r.Headers[name] = strings.Join(vs, ", ")
	}
	if !reveal {
		r.mask(v)
	}
	return e.print(r, func(w io.Writer) {
		if curl {
			r.curl(w)
			return
		}
		fmt.Fprintf(w, "%s %s\n", r.Method, r.URL)
		for _, name := range r.names() {
			fmt.Fprintf(w, "%s: %s\n", name, r.Headers[name])
		}
		if r.Body != "" {
			fmt.Fprintf(w, "\n%s\n", r.Body)
		}
		if !reveal {
			fmt.Fprint(e.err, "key, signature and token are masked; -reveal shows them\n")
		}
	})
}

func (r *signedRequest) names() []string {
	var names []string
	for n := range r.Headers {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

const masked = "[masked]"

// plainHeaders may be shown: everything else was put on by the scheme.
var plainHeaders = []string{"Accept", "Accept-Encoding", "Content-Type", "User-Agent"}

// mask takes out of a request whatever authorises it: all headers but the plain ones
// and the environment's, the venue's own parameters, and wherever else their values
// stand. Times and numbers stay: they are what one looks for.
func (r *signedRequest) mask(v *exauth.Venue) {
	var hide []string
	keep := func(value string) bool {
		return strings.Trim(value, "0123456789.-:TZ") == "" || len(value) < 6
	}
	for name, value := range r.Headers {
		known := slices.ContainsFunc(v.Header, func(h [2]string) bool { return strings.EqualFold(h[0], name) && h[1] == value })
		if slices.Contains(plainHeaders, name) || known || keep(value) {
			continue
		}
		hide = append(hide, value)
		if _, word, ok := strings.Cut(value, " "); ok {
			hide = append(hide, word)
		}
		r.Headers[name] = masked
	}
	own := func(name string) bool {
		return slices.ContainsFunc(v.Reserved, func(n string) bool { return strings.EqualFold(n, name) })
	}
	_, query, _ := strings.Cut(r.URL, "?")
	for _, raw := range []string{query, r.Body} {
		for pair := range strings.SplitSeq(raw, "&") {
			name, value, _ := strings.Cut(pair, "=")
			if n, err := url.QueryUnescape(name); err == nil && own(n) && !keep(value) {
				hide = append(hide, value)
			}
		}
	}
	var members map[string]any
	if json.Unmarshal([]byte(r.Body), &members) == nil {
		for name, value := range members {
			if s, ok := value.(string); ok && own(name) && !keep(s) {
				hide = append(hide, s)
			}
		}
	}
	slices.SortFunc(hide, func(a, b string) int { return len(b) - len(a) })
	for _, h := range hide {
		for _, form := range []string{h, url.QueryEscape(h)} {
			if len(form) >= 6 {
				r.URL, r.Body = strings.ReplaceAll(r.URL, form, masked), strings.ReplaceAll(r.Body, form, masked)
			}
		}
	}
}

// curl prints a command whose secrets go through standard input.
func (r *signedRequest) curl(w io.Writer) {
	quote := func(s string) string {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s) + `"`
	}
	fmt.Fprintf(w, "curl --config - <<'END'\nurl = %s\nrequest = %s\n", quote(r.URL), quote(r.Method))
	for _, name := range r.names() {
		fmt.Fprintf(w, "header = %s\n", quote(name+": "+r.Headers[name]))
	}
	if r.Body != "" {
		fmt.Fprintf(w, "data-raw = %s\n", quote(r.Body))
	}
	fmt.Fprint(w, "END\n")
}

func callCommand() command {
	return command{name: "call", args: "-venue NAME [-scope trade] METHOD PATH [name=value …]", short: "sign a call, send it, print the answer",
		help: callHelp + `

Calls are paced by the venue's limits, and an order whose fate is unknown is not sent
again: exit code 6 says to ask the venue first. -debug prints what was signed when the
venue refuses the key or the signature; it shows the parameters, and no secret.`,
		run: func(e *env, fs *flag.FlagSet) func(context.Context, []string) error {
			f := e.addCall(fs)
			fs.BoolVar(&f.debug, "debug", false, "explain a refused key or signature")
			raw := fs.Bool("raw", false, "print the answer as it came")
			log := fs.String("usage", "", "usage `log` to write to")
			return func(ctx context.Context, args []string) error {
				opts := exauth.Options{}
				if f.debug {
					opts.SignatureDebug = func(r exauth.SignatureReport) { fmt.Fprintf(e.err, "%s\n", r) }
				}
				if *log != "" {
					l, err := exauth.OpenUsageLog(*log, nil)
					if err != nil {
						return err
					}
					defer l.Close()
					opts.Observer = l.Observe
				}
				c, call, err := e.client(f, args, opts)
				if err != nil {
					return err
				}
				defer c.Close()
				done := e.busy("waiting for " + c.Venue().Name)
				resp, err := c.Do(ctx, call)
				done()
				if err != nil {
					if !e.json {
						for i, cause := range exauth.Causes(err) {
							fmt.Fprintf(e.err, "  %d. %s\n", i+1, cause)
						}
					}
					return err
				}
				return e.showAnswer(resp, *raw)
			}
		}}
}

func (e *env) showAnswer(resp *exauth.Response, raw bool) error {
	if e.json {
		payload := json.RawMessage(resp.Payload)
		if !json.Valid(payload) {
			payload, _ = json.Marshal(string(resp.Payload))
		}
		return e.print(map[string]any{"status": resp.Status, "payload": payload, "attempts": resp.Attempts,
			"took_ms": resp.Received.Sub(resp.Sent).Milliseconds(), "client_order_id": resp.ClientOrderID}, nil)
	}
	if raw {
		_, err := e.out.Write(resp.Body)
		return err
	}
	var pretty bytes.Buffer
	if json.Indent(&pretty, resp.Payload, "", "  ") != nil {
		pretty.Reset()
		pretty.Write(resp.Payload)
	}
	fmt.Fprintf(e.out, "%s\n", printable(pretty.String()))
	if resp.ClientOrderID != "" {
		fmt.Fprintf(e.err, "client order id: %s\n", resp.ClientOrderID)
	}
	return nil
}

// printable keeps a venue's text from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}
