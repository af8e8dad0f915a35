package venue

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// Backpack is Backpack Exchange: spot, perpetuals, lending and requests for
// quotes. The API key is an Ed25519 public key in base64, the secret its 32-byte
// seed in base64.
//
// Spot, margin and perpetual orders share their routes, so that trading needs
// ScopeTrade as a whole. Parameters are signed sorted by name, and bodies go out
// sorted as well: the members of a json.RawMessage are moved, not changed.
//
// Sources: docs.backpack.exchange (OpenAPI of 2025-11-12), read 2026-11.
func Backpack() *exauth.Venue {
	return &exauth.Venue{
		Name:          "backpack",
		BaseURL:       "https://api.backpack.exchange",
		Docs:          "https://docs.backpack.exchange/",
		KeyPage:       "https://backpack.exchange/",
		Algorithms:    []exauth.Algorithm{exauth.Ed25519},
		Signer:        exauth.Ed25519Seed(),
		Style:         backpackStyle,
		Scheme:        backpackScheme{backpackInstructions()},
		Reserved:      []string{"instruction", "timestamp", "window"},
		AuthHeaders:   []string{"X-API-Key", "X-Signature", "X-Timestamp", "X-Window"},
		RecvWindow:    5 * time.Second,
		MaxRecvWindow: 60 * time.Second,
		Routes:        alike(backpackRoutes(), backpackCosts()),
		Quotas:        backpackQuotas(),
		DefaultCosts:  backpackCosts(),
		GETReads:      true,
		Answer:        backpackAnswer(),
		Clock:         exauth.Clock{Path: "/api/v1/time", Parse: backpackTime},
		Probe:         exauth.Call{Method: "GET", Path: "/api/v1/account"},
	}
}

func backpackStyle(method, _ string, _ exauth.Params) exauth.Style {
	if method == http.MethodGet {
		return exauth.StyleQuery
	}
	return exauth.StyleJSON | exauth.StyleEmptyObject
}

// backpackScheme knows the instruction of every route.
type backpackScheme struct{ instructions map[string]string }

// Authorize signs instruction, sorted parameters, time and window; a batch
// repeats the instruction before each order. Values are percent-encoded in what is
// signed, also those that travel in JSON: the venue's page says "query string
// format", and its own client leaves them as they are, which is the same for every
// value that the venue's documented parameters take.
func (s backpackScheme) Authorize(ctx context.Context, r *exauth.Request) error {
	instruction := "instruction=" + s.instructions[r.Method+" "+r.Path]
	r.Query = sortPairs(r.Query)
	payload := append(r.Buffer(), instruction...)
	if r.Query != "" {
		payload = append(append(payload, '&'), r.Query...)
	}
	var err error
	switch body := bytes.TrimLeft(r.Body, " \t\r\n"); {
	case len(body) == 0:
	case body[0] == '[':
		payload, err = backpackBatch(payload[:0], instruction, body)
	default:
		var ms []member
		if ms, err = members(body); err == nil {
			r.Body, err = object(ms) // which sorts ms
		}
		if err == nil {
			payload, err = flat(payload, ms, true)
		}
	}
	if err != nil {
		return err
	}
	return backpackSign(ctx, r, payload)
}

// backpackSign stamps and signs what the request says.
func backpackSign(ctx context.Context, r *exauth.Request, payload []byte) error {
	stamp, window := millis(r), strconv.FormatInt(r.Window.Milliseconds(), 10)
	payload = append(append(payload, "&timestamp="...), stamp...)
	payload = append(append(payload, "&window="...), window...)
	sig, err := signBase64(ctx, r, payload)
	if err != nil {
		return err
	}
	r.SetHeader("X-Api-Key", r.KeyID())
	r.SetHeader("X-Signature", sig)
	r.SetHeader("X-Timestamp", stamp)
	r.SetHeader("X-Window", window)
	return nil
}

// backpackBatch writes every order of a list behind an instruction of its own.
func backpackBatch(payload []byte, instruction string, body []byte) ([]byte, error) {
	var orders []json.RawMessage
	if json.Unmarshal(body, &orders) != nil {
		return nil, fmt.Errorf("%w: body is not valid JSON", exauth.ErrParam)
	}
	for _, order := range orders {
		ms, err := members(order)
		if err != nil {
			return nil, err
		}
		if len(payload) > 0 {
			payload = append(payload, '&')
		}
		if payload, err = flat(append(payload, instruction...), sorted(ms), true); err != nil {
			return nil, err
		}
	}
	return payload, nil
}

func backpackTime(resp *exauth.Response) (time.Time, error) {
	ms, err := strconv.ParseInt(strings.TrimSpace(string(resp.Body)), 10, 64)
	return time.UnixMilli(ms), err
}

// backpackAnswer: answers have no envelope; errors are {"code":"…","message":"…"}
// or, where a parameter does not parse, plain text. A batch answers 200 with
// {"operation":"Ok"} or {"operation":"Err","code":…} per order.
func backpackAnswer() func(*exauth.Response) ([]byte, error) {
	kinds := codes(`
		signature: INVALID_SIGNATURE
		key: UNAUTHORIZED
		permission: FORBIDDEN
		locked: ACCOUNT_DEACTIVATED ACCOUNT_LIQUIDATING
		ratelimited: TOO_MANY_REQUESTS
		unavailable: MAINTENANCE TRADING_PAUSED
		unknown: SERVER_ERROR TIMEOUT
		funds: INSUFFICIENT_FUNDS INSUFFICIENT_MARGIN INSUFFICIENT_SUPPLY MAX_LEVERAGE_REACHED`)
	kind := func(resp *exauth.Response, code, message string) error {
		lower := strings.ToLower(message)
		switch {
		case kinds[code] != nil:
			return kinds[code]
		case code == "INVALID_ORDER" && strings.Contains(lower, "client id already exists"):
			return exauth.ErrDuplicateOrder
		case code == "RESOURCE_NOT_FOUND" && strings.HasPrefix(resp.Path, "/api/v1/order"):
			return exauth.ErrUnknownOrder
		case code == "INVALID_CLIENT_REQUEST" && (strings.Contains(lower, "expired") || strings.Contains(lower, "timestamp")):
			return exauth.ErrClock
		}
		return nil
	}
	type outcome struct{ Operation, Code, Message string }
	return func(resp *exauth.Response) ([]byte, error) {
		if resp.Status >= 400 {
			var e outcome
			if json.Unmarshal(resp.Body, &e) != nil || e.Code == "" {
				return nil, nil // plain text: the core quotes it
			}
			return nil, refused(kind(resp, e.Code, e.Message), e.Code, e.Message)
		}
		if resp.Method != http.MethodPost || resp.Path != "/api/v1/orders" {
			return resp.Body, nil
		}
		var list []outcome
		if json.Unmarshal(resp.Body, &list) != nil {
			return nil, notJSON(resp)
		}
		failed := slices.DeleteFunc(slices.Clone(list), func(o outcome) bool { return o.Operation != "Err" })
		switch e := (outcome{}); {
		case len(failed) == 0:
			return resp.Body, nil
		case len(failed) < len(list):
			e = failed[0]
			return nil, refused(exauth.ErrPartial, e.Code, e.Message)
		default:
			e = failed[0]
			return nil, refused(kind(resp, e.Code, e.Message), e.Code, e.Message)
		}
	}
}
