package exchangetest

import (
	"math/rand/v2"
	"strings"
)

// What is said by those who are not the exchange, and by the exchange when it is
// not well.

const firewallPage = "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head><body>" +
	"<h1>Sorry, you have been blocked</h1><p>Your IP: 192.0.2.7 &bull; Ray ID: 8f2c0ffee</p></body></html>"

// nonsense is JSON that answers nothing, as maintenance pages, other services behind
// the same name and half-configured proxies send it.
var nonsense = []string{
	"", "null", "[]", "{}", `"OK"`, "true", `{"status":1,"msg":"system_maintenance"}`, `[{"foo":[[[]]]}]`,
	`{"orderId":"12","result":[],"data":{"a":1},"error":7,"code":[]}`, "\ufeff{}",
}

// usageHeaders are where venues tell what was used; hostileCounts and hostileWaits
// what no client should take to heart.
var (
	usageHeaders  = []string{"X-MBX-USED-WEIGHT-1M", "X-MBX-ORDER-COUNT-10S", "X-RateLimit-Remaining", "ratelimit-remaining"}
	hostileCounts = [][]string{{"-5"}, {"NaN"}, {"99999999999999999999"}, {"1e9"}, {""}, {"1", "2"}, {"0x10"}}
	hostileWaits  = [][]string{{"-1"}, {"9223372037"}, {"soon"}, {""}, {"1e9"}, {"3", "4"}, {"Fri, 31 Dec 9999 23:59:59 GMT"}, {"Thu, 01 Jan 1970 00:00:00 GMT"}}
)

// faultWords are a venue's codes for "busy, nothing was done" and for "nobody knows
// what became of it".
var faultWords = map[string]map[FaultKind][]string{
	"binance": { // errors.md
		FaultBusy: {`{"code":-1008,"msg":"Server is currently overloaded with other requests. Please try again in a few minutes."}`},
		FaultDoubt: {`{"code":-1007,"msg":"Timeout waiting for response from backend server. Send status unknown; execution status unknown."}`,
			`{"code":-1006,"msg":"An unexpected response was received from the message bus. Execution status unknown."}`},
	},
	"kraken": { // "Spot Error Messages"
		FaultBusy:  {`{"error":["EService:Busy"]}`, `{"error":["EService:Unavailable"]}`},
		FaultDoubt: {`{"error":["EGeneral:Internal error"]}`, `{"error":["EService:Timeout"]}`},
	},
	"okx": { // "Error Code"
		FaultBusy:  {`{"code":"50013","msg":"Systems are busy. Please try again later.","data":[]}`},
		FaultDoubt: {`{"code":"50004","msg":"Endpoint request timeout (does not indicate success or failure of order, please check order status)","data":[]}`},
	},
	"coinbase": { // gRPC's codes, which Advanced Trade passes on
		FaultBusy:  {`{"error":"RESOURCE_EXHAUSTED","error_details":"","message":"too many requests"}`},
		FaultDoubt: {`{"error":"DEADLINE_EXCEEDED","error_details":"","message":"context deadline exceeded"}`, `{"error":"INTERNAL","error_details":"","message":"internal server error"}`},
	},
	"cryptocom": { // "Response and Reason Codes"
		FaultBusy:  {`{"id":-1,"method":"","code":42901,"message":"TOO_MANY_REQUESTS"}`},
		FaultDoubt: {`{"id":-1,"method":"","code":40801,"message":"REQUEST_TIMEOUT"}`, `{"id":-1,"method":"","code":50001,"message":"ERR_INTERNAL"}`},
	},
	"gemini": { // "Error codes"
		FaultBusy:  {`{"result":"error","reason":"Maintenance","message":"The Gemini Exchange is currently undergoing maintenance."}`},
		FaultDoubt: {`{"result":"error","reason":"System","message":"We are experiencing technical issues. Please check https://status.gemini.com/ for more information."}`},
	},
}

// words are what the venue says for one of these kinds.
func (s *Server) words(kind FaultKind, rnd *rand.Rand) string {
	if list := faultWords[strings.ToLower(s.venue.Name)][kind]; len(list) > 0 {
		return pick(rnd, list)
	}
	return `{"error":"` + strings.ReplaceAll(kind.String(), `"`, "") + `"}`
}
