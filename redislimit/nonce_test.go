package redislimit_test

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/redislimit"
)

func TestNoncesRise(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, s *server) {
		for _, tt := range []struct {
			name  string
			floor func() int64
		}{
			{"nanoseconds", func() int64 { return time.Now().UnixNano() }},
			{"milliseconds", func() int64 { return time.Now().UnixMilli() }},
			{"a clock that stands", func() int64 { return 1_700_000_000_000_000_000 }},
		} {
			t.Run(tt.name, func(t *testing.T) {
				var mu sync.Mutex
				seen := make(map[int64]bool)
				var wg sync.WaitGroup
				for range 4 { // processes
					n := redislimit.Nonce(connect(t, s.addr), nil)
					for range 4 {
						wg.Go(func() {
							last := int64(0)
							for range 50 {
								floor := tt.floor()
								v, err := n.Next(within(t, 20*time.Second), "key of "+tt.name, floor)
								if err != nil {
									t.Error(err)
									return
								}
								mu.Lock()
								if v < floor || v <= last || seen[v] {
									t.Errorf("nonce %d after %d with floor %d, seen %v", v, last, floor, seen[v])
								}
								last, seen[v] = v, true
								mu.Unlock()
							}
						})
					}
				}
				wg.Wait()
				if len(seen) != 800 {
					t.Errorf("%d distinct nonces of 800", len(seen))
				}
			})
		}
	})
}

func TestStoredNonce(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, s *server) {
		now := time.Now().UnixMilli()
		const day = 86_400_000
		for _, tt := range []struct {
			name, stored string
			opts         redislimit.NonceOptions
			floor, want  int64
			err          error
		}{
			{name: "nothing", floor: now, want: now},
			{name: "below", stored: strconv.FormatInt(now-5, 10), floor: now, want: now},
			{name: "the floor itself", stored: strconv.FormatInt(now, 10), floor: now, want: now + 1},
			{name: "an hour ahead", stored: strconv.FormatInt(now+3_600_000, 10), floor: now, want: now + 3_600_001},
			{name: "two days ahead", stored: strconv.FormatInt(now+2*day, 10), floor: now, err: exauth.ErrNonce},
			{name: "two days ahead, unit given", opts: redislimit.NonceOptions{Unit: time.Millisecond}, stored: strconv.FormatInt(now+2*day, 10), floor: now, err: exauth.ErrNonce},
			{name: "another unit", stored: strconv.FormatInt(now*1000, 10), floor: now, err: exauth.ErrNonce},
			{name: "as high as can be", stored: strconv.FormatInt(math.MaxInt64, 10), floor: now, err: exauth.ErrNonce},
			{name: "more digits than a number", stored: "99999999999999999999999999", floor: now, err: exauth.ErrNonce},
			{name: "not a number", stored: "soon", floor: now, want: now},
			{name: "negative", stored: "-5", floor: now, want: now},
			{name: "a floor below zero", floor: -1, err: exauth.ErrNonce},
			{name: "nanoseconds keep every digit", stored: "1700000000000000001", floor: 1700000000000000001, want: 1700000000000000002},
		} {
			t.Run(tt.name, func(t *testing.T) {
				ctx := within(t, 10*time.Second)
				c := connect(t, s.addr)
				tt.opts.Venue = "v" + strconv.Itoa(len(tt.name)) + strings.ReplaceAll(tt.name, " ", "-")[:4]
				n := redislimit.Nonce(c, &tt.opts)
				if tt.stored != "" { // find the key by drawing once
					if _, err := n.Next(ctx, "id", 1); err != nil {
						t.Fatal(err)
					}
					keys, err := c.Do(ctx, c.B().Keys().Pattern("nonce:{"+tt.opts.Venue+"}:*").Build()).AsStrSlice()
					if err != nil || len(keys) != 1 {
						t.Fatal(keys, err)
					}
					if strings.Contains(keys[0], ":id") {
						t.Errorf("the key id shows in %q", keys[0])
					}
					c.Do(ctx, c.B().Set().Key(keys[0]).Value(tt.stored).Build())
				}
				v, err := n.Next(ctx, "id", tt.floor)
				if !errors.Is(err, tt.err) || err == nil && v != tt.want {
					t.Errorf("got %d, %v; want %d, %v", v, err, tt.want, tt.err)
				}
				if v2, err := n.Next(ctx, "other", now); err != nil || v2 != now {
					t.Errorf("another key's nonce: %d, %v; want %d", v2, err, now)
				}
			})
		}
	})
}

func TestNoNonceWithoutRedis(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, s *server) {
		n := redislimit.Nonce(connect(t, s.addr), &redislimit.NonceOptions{Timeout: 300 * time.Millisecond})
		if _, err := n.Next(context.Background(), "id", 5); err != nil {
			t.Fatal(err)
		}
		s.stop()
		begin := time.Now()
		if v, err := n.Next(context.Background(), "id", 7); err == nil {
			t.Errorf("drew %d without Redis", v)
		}
		if time.Since(begin) > 5*time.Second {
			t.Errorf("that took %s", time.Since(begin))
		}
	})
}
