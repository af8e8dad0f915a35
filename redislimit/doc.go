// Package redislimit shares a venue's quotas, its gate and its nonces among the
// processes of a fleet, through Redis (6 or newer) or Valkey.
//
//	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{"127.0.0.1:6379"}})
//	limiter, err := redislimit.New(client, v, nil)
//	defer limiter.Close()
//	c, err := exauth.New(v, keys, &exauth.Options{
//		Limiter: limiter,
//		Nonce:   redislimit.Nonce(client, &redislimit.NonceOptions{Venue: v.Name}),
//	})
//
// # What is shared
//
// Quotas follow their owner: weight the address, order quotas the account, the rest
// the key. One script takes from all windows of a call or from none, on the Redis
// server's clock and what the venue's stamps tell of the difference between the
// two. What the venue counts itself, as its headers show it, is believed over our
// own count when it is higher. A refusal or a ban closes one gate for the whole
// fleet; after it one call goes first, and the others follow its success.
//
// A process leases a block of units at a time, at most a fiftieth of a quota and half
// a second of its own demand, and spends it without asking Redis: so the news of a
// gate reaches a process that holds a block when it next talks to Redis, within half
// a second. What it does not spend in that time it returns. A negative
// Options.Block switches that off; then every call is one round trip.
//
// # When Redis is away
//
// A process that cannot reach Redis for half a second goes on with its own share of
// every quota: nine tenths of it, divided by the processes last seen. It begins with
// what Redis last showed as left of the running windows, and with nothing where that
// is not known. A quota whose share is less than one call is closed. The venue's
// headers keep correcting the share, and a refusal closes the gate as ever.
//
// When Redis is back, a process tells it what it used meanwhile. Until all processes
// are back, or have been missing for five seconds, the fleet may use what the shares
// of those present allow; this holds too when Redis lost its memory. What cannot be
// known is that some processes are cut off while the others are not: those that are
// cut off then add up to nine tenths of their share on top, until they are back.
//
// # What is stored, and who may touch it
//
// Keys are "rl:{venue}:…", with the venue (and its environment) as hash tag, so that
// one script can take from all of them in a cluster. Accounts, keys and addresses
// appear as fingerprints only. Everything expires: windows after twice their length,
// the rest within a week. "nonce:{venue}:…" does not expire.
//
// What comes from Redis is believed as little as a header: a gate lasts three days at
// most, a count above ten times its limit, a negative one and what is no number count
// as absent. Whoever may write there can still stop a fleet or let it run into
// refusals, so give the fleet a user of its own, on TLS when Redis is another machine:
//
//	user exauth on >password resetkeys ~rl:* ~nonce:* resetchannels -@all
//	  +evalsha +eval +time +get +set +incr +pttl +pexpire
//	  +hget +hmget +hset +hincrby +hdel +hgetall
//	  +hello +auth +ping +select +client|setname +client|tracking +cluster|slots +cluster|shards
//
// (Redis 7 writes it like this; from 7.2 on add +client|setinfo, without which rueidis
// only logs a denial.)
//
//	rueidis.ClientOption{
//		InitAddress: []string{"redis.example:6380"},
//		TLSConfig:   &tls.Config{ServerName: "redis.example", MinVersion: tls.VersionTLS12},
//		Username:    "exauth", Password: password,
//	}
//
// Use a Redis that does not evict (maxmemory-policy noeviction): a count that is
// evicted is a window that may be used twice.
package redislimit
