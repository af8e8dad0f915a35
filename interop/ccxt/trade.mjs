// Trades on a test exchange with an unchanged ccxt client whose base URL points
// there: reads the account, places, queries and cancels an order through ccxt's
// endpoint methods, with every kind of key, and checks that wrong and weak keys
// are refused by the errors ccxt knows.
//
// Started by ccxt_test.go with the line that `testexchange -json` printed as its
// argument. Prints one line per step; the exit status tells whether all held.
import ccxt from 'ccxt';

const exchange = JSON.parse(process.argv[2]);
let failed = false;

function check(step, got, want) {
    const ok = got === want;
    failed ||= !ok;
    console.log(`${ok ? 'ok  ' : 'FAIL'} ${exchange.venue}: ${step}: ${got}${ok ? '' : `, want ${want}`}`);
}

async function refused(step, call, kinds) {
    try {
        await call();
        check(step, 'accepted', kinds[0].name);
    } catch (e) {
        check(step, e.constructor.name, (kinds.find((k) => e instanceof k) ?? kinds[0]).name);
    }
}

// client makes a ccxt client and changes its base URL. Its own pacing, meant for
// the real venue, is turned up by an option of its own, so that this takes seconds.
function client(key) {
    const c = new ccxt[exchange.venue]({ apiKey: key.id, secret: key.secret || key.pem, password: key.passphrase, rateLimit: 5 });
    const moved = (url) => exchange.url + new URL(url.replace('{hostname}', c.hostname ?? '')).pathname.replace(/\/$/, '');
    c.urls.api = Object.fromEntries(Object.entries(c.urls.api).map(([name, url]) => [name, moved(url)]));
    return c;
}

// What each venue's endpoint methods are called and where their answers are.
const plays = {
    binance: {
        funds: async (c) => (await c.privateGetAccount()).balances.find((b) => b.asset === 'USDT').free,
        place: async (c, id) => (await c.privatePostOrder({
            symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: '0.1', price: '50000.10', newClientOrderId: id,
        })).orderId,
        query: async (c, order) => (await c.privateGetOrder({ symbol: 'BTCUSDT', orderId: order })).status,
        open: async (c) => (await c.privateGetOpenOrders({ symbol: 'BTCUSDT' })).length,
        cancel: async (c, order) => (await c.privateDeleteOrder({ symbol: 'BTCUSDT', orderId: order })).status,
        want: { before: '1000000.00000000', held: '994999.99000000', query: 'NEW', cancel: 'CANCELED', id: 'ccxt-' },
    },
    kraken: {
        funds: async (c) => {
            const usd = (await c.privatePostBalanceEx()).result.ZUSD;
            return (Number(usd.balance) - Number(usd.hold_trade)).toFixed(4);
        },
        place: async (c, id) => (await c.privatePostAddOrder({
            pair: 'XBTUSD', type: 'buy', ordertype: 'limit', volume: '0.1', price: '50000.1', cl_ord_id: id,
        })).result.txid[0],
        query: async (c, order) => (await c.privatePostQueryOrders({ txid: order })).result[order].status,
        open: async (c) => Object.keys((await c.privatePostOpenOrders()).result.open).length,
        cancel: async (c, order) => {
            await c.privatePostCancelOrder({ txid: order });
            await pause();
            return (await c.privatePostQueryOrders({ txid: order })).result[order].status;
        },
        want: { before: '1000000.0000', held: '994999.9900', query: 'open', cancel: 'canceled', id: 'ccxt' },
    },
    okx: {
        funds: async (c) => (await c.privateGetAccountBalance({ ccy: 'USDT' })).data[0].details[0].availBal,
        place: async (c, id) => (await c.privatePostTradeOrder({
            instId: 'BTC-USDT', tdMode: 'cash', side: 'buy', ordType: 'limit', sz: '0.1', px: '50000.1', clOrdId: id,
        })).data[0].ordId,
        query: async (c, order) => (await c.privateGetTradeOrder({ instId: 'BTC-USDT', ordId: order })).data[0].state,
        open: async (c) => (await c.privateGetTradeOrdersPending({ instType: 'SPOT' })).data.length,
        cancel: async (c, order) => {
            await c.privatePostTradeCancelOrder({ instId: 'BTC-USDT', ordId: order });
            return (await c.privateGetTradeOrder({ instId: 'BTC-USDT', ordId: order })).data[0].state;
        },
        want: { before: '1000000', held: '994999.99', query: 'live', cancel: 'canceled', id: 'ccxt' },
    },
};

const play = plays[exchange.venue];
const scope = (name) => exchange.keys.filter((k) => k.scope === name);
const kind = (k) => (k.pem === '' ? 'HMAC' : k.pem.length > 500 ? 'RSA' : 'Ed25519');

// ccxt's Kraken nonce is the millisecond, so two calls within one would clash.
const pause = () => new Promise((done) => { setTimeout(done, 2); });
for (const [name, step] of Object.entries(play)) {
    if (typeof step === 'function') play[name] = async (...args) => { await pause(); return step(...args); };
}

for (const [i, key] of scope('read+trade').entries()) {
    const c = client(key);
    check(`${kind(key)} key ${i} reads the account`, await play.funds(c), play.want.before);
    const order = await play.place(c, play.want.id + i);
    check('places an order', /^[0-9A-Z-]+$/.test(order), true);
    check('queries it', await play.query(c, order), play.want.query);
    check('finds it among the open ones', await play.open(c), 1);
    check('sees its funds held', await play.funds(c), play.want.held);
    check('cancels it', await play.cancel(c, order), play.want.cancel);
    check('has its funds back', await play.funds(c), play.want.before);
}

const [reader] = scope('read');
const [trader] = scope('read+trade');
await refused('a read-only key places', () => play.place(client(reader), 'ccxtr'), [ccxt.PermissionDenied, ccxt.AuthenticationError, ccxt.ExchangeError]);
await refused('a wrong secret', () => play.funds(client({ ...trader, secret: reader.secret })), [ccxt.AuthenticationError, ccxt.ExchangeError]);
await refused('an unknown key', () => play.funds(client({ ...trader, id: trader.id.replace(/[0-9a-f]/g, 'b') })), [ccxt.AuthenticationError]);
await refused('an order of no such id', () => play.query(client(trader), { binance: '999', kraken: 'OAAAAA-AAAAA-AAAAAA', okx: '999' }[exchange.venue]),
    [ccxt.OrderNotFound, ccxt.InvalidOrder]);

process.exit(failed ? 1 : 0);
