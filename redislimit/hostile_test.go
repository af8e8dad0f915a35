package redislimit_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	mini "github.com/alicebob/miniredis/v2/server"
	"github.com/exauth/exauth"
	"github.com/exauth/exauth/redislimit"
)

// TestStoredGarbage: what somebody else wrote into the fleet's keys neither stops it
// for long nor lets it run.
func TestStoredGarbage(t *testing.T) {
	t.Parallel()
	far := strconv.FormatInt(time.Now().Add(10*24*time.Hour).UnixMicro(), 10)
	near := strconv.FormatInt(time.Now().Add(70*time.Hour).UnixMicro(), 10)
	day := strconv.FormatInt(time.Now().Unix()/86400, 10)
	for _, tt := range []struct {
		name, key, field, value string // key: how it ends
		grants                  int    // of a quota of 50
	}{
		{"nothing", "", "", "", 50},
		{"gate of ten days", ":fleet", "g", far, 50},
		{"gate of less than three days", ":fleet", "g", near, 0},
		{"gate that is no number", ":fleet", "g", "for ever", 50},
		{"gate below zero", ":fleet", "g", "-9223372036854775808", 50},
		{"gate not a number", ":fleet", "g", "nan", 50},
		{"gate without end", ":fleet", "g", "inf", 50},
		{"recovery without end", ":fleet", "ru", far, 50},
		{"recovery that is no number", ":fleet", "ru", "soon", 50},
		{"factor above one", ":fixed", "c", "1000", 50},
		{"factor of zero", ":fixed", "c", "0", 50},
		{"count that is no number", ":fixed", "n" + day, "many", 50},
		{"count below zero", ":fixed", "n" + day, "-1000000", 50},
		{"count above ten times the limit", ":fixed", "n" + day, "501", 50},
		{"count of many digits", ":fixed", "n" + day, "9223372036854775807", 50},
		{"count with a fraction", ":fixed", "n" + day, "1.5", 50},
		{"count not a number", ":fixed", "n" + day, "nan", 50},
		{"count that may be", ":fixed", "n" + day, "20", 30},
		{"busy that is no number", ":sliding", "t", "many", 50},
		{"busy below zero", ":sliding", "t", "-100000", 50},
		{"busy without slots", ":sliding", "t", "49", 50},
		{"a slot that never ends", ":sliding", "h", "99999999999999", 50},
		{"in flight below zero", ":sliding", "f", "-100000", 50},
		{"in flight that is no number", ":sliding", "f", "x", 50},
		{"level below zero", ":bucket", "v", "-1e300", 50},
		{"level above ten times the limit", ":bucket", "v", "1e300", 50},
		{"level from the future", ":bucket", "vt", far, 50},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := miniredis.RunT(t)
			s := &server{addr: m.Addr(), mini: m}
			v := testVenue(
				exauth.Quota{Name: "fixed", Kind: exauth.FixedWindow, Limit: 50, Window: 24 * time.Hour},
				exauth.Quota{Name: "sliding", Kind: exauth.SlidingWindow, Limit: 50, Window: 24 * time.Hour},
				exauth.Quota{Name: "bucket", Kind: exauth.TokenBucket, Limit: 50, Refill: 1e-6})
			l := newLimiter(t, s, v, &redislimit.Options{Reserve: -1, Block: -1})
			d := exauth.Demand{Costs: cost("fixed", 1, "sliding", 1, "bucket", 1), MaxWait: 2 * time.Second}
			take(t, l, d).Settle(exauth.Observation{}) // makes the keys, takes nothing
			time.Sleep(200 * time.Millisecond)
			for _, key := range m.Keys() {
				if tt.key == "" || !strings.HasSuffix(key, tt.key) {
					continue
				}
				field := tt.field
				if field == "g" {
					field = gateField(m)
				}
				m.HSet(key, field, tt.value)
				if tt.field == "c" {
					m.HSet(strings.Replace(key, key[strings.Index(key, "}"):], "}:fleet", 1), "cc", "1")
				}
			}
			grants := 0
			for range 60 {
				if _, err := l.Wait(within(t, 10*time.Second), d); err != nil {
					if !errors.Is(err, exauth.ErrRateLimited) {
						t.Fatal(err)
					}
					break
				}
				grants++
			}
			if grants != tt.grants {
				t.Errorf("%d grants, want %d", grants, tt.grants)
			}
		})
	}
}

// gateField is the field of the address's gate: another limiter's refusal shows it.
func gateField(*miniredis.Miniredis) string { return "g:ip:" + addressFingerprint }

// addressFingerprint is that of the empty egress; TestNamesAreFingerprints checks it.
const addressFingerprint = "83aa034fc644ec74"

// TestNonsenseFromRedis: answers that cannot be are no answers: the process goes on
// with its share, and is never let through by them.
func TestNonsenseFromRedis(t *testing.T) {
	t.Parallel()
	now := time.Now().UnixMicro()
	for _, tt := range []struct {
		name  string
		reply []any
	}{
		{"nothing", nil},
		{"one number", []any{0}},
		{"granted more than asked for", []any{0, now, 1, 0, 1000, 1}},
		{"granted less than asked for", []any{0, now, 1, 0, 0, 1}},
		{"granted below zero", []any{0, now, 1, 0, -5, 1}},
		{"used below zero", []any{0, now, 1, 0, 1, -1}},
		{"too short", []any{0, now, 1, 0}},
		{"too long", []any{0, now, 1, 0, 1, 1, 1}},
		{"a clock of zero", []any{0, 0, 1, 0, 1, 1}},
		{"a clock of nanoseconds", []any{0, now * 1000, 1, 0, 1, 1}},
		{"waits below zero", []any{1, now, 1, 1, -1000, 1, 5}},
		{"another ledger's wait", []any{1, now, 1, 9, 1000, 1, 5}},
		{"a gate below zero", []any{2, now, 1, 1, -5}},
		{"a gate of a year", []any{2, now, 1, 1, int64(365 * 24 * time.Hour / time.Microsecond)}},
		{"another scope's gate", []any{2, now, 1, 7, 5}},
		{"an unknown answer", []any{17, now, 1}},
		{"text", []any{"0", "now", "1", "0", "1", "1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := miniredis.RunT(t)
			l := newLimiter(t, &server{addr: m.Addr()}, testVenue(exauth.Quota{Name: "w", Kind: exauth.SlidingWindow, Limit: 100, Window: time.Hour}),
				&redislimit.Options{Block: -1, Patience: 200 * time.Millisecond})
			d := exauth.Demand{Costs: cost("w", 1)}
			answered(take(t, l, d), 200)
			m.Server().SetPreHook(func(p *mini.Peer, cmd string, _ ...string) bool {
				if cmd != "EVALSHA" && cmd != "EVAL" {
					return false
				}
				p.WriteLen(len(tt.reply))
				for _, v := range tt.reply {
					switch v := v.(type) {
					case string:
						p.WriteBulk(v)
					default:
						n, _ := strconv.Atoi(fmt.Sprint(v))
						p.WriteInt(n)
					}
				}
				return true
			})
			grants := 0
			for range 120 {
				ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
				_, err := l.Wait(ctx, d)
				cancel()
				if err != nil {
					if !errors.Is(err, exauth.ErrRateLimited) {
						t.Fatal(err)
					}
					break
				}
				grants++
			}
			if grants < 50 || grants > 90 { // alone: nine tenths of what was left
				t.Errorf("%d grants of 100 on the own share", grants)
			}
		})
	}
}

// TestWrongTypes: keys of another type than ours make Redis refuse the script; then
// there is the own share.
func TestWrongTypes(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	m.Set("rl:{testvenue}:fleet", "a string")
	l := newLimiter(t, &server{addr: m.Addr()}, testVenue(exauth.Quota{Name: "w", Kind: exauth.SlidingWindow, Limit: 100, Window: time.Hour}),
		&redislimit.Options{Patience: 200 * time.Millisecond, Processes: 3})
	for i := range 100 {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		_, err := l.Wait(ctx, exauth.Demand{Costs: cost("w", 1)})
		cancel()
		if errors.Is(err, exauth.ErrRateLimited) {
			if i != 30 {
				t.Errorf("%d grants, want 30: nine tenths of a third", i)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Error("no end of grants")
}
