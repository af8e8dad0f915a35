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
    coinbase: {
        funds: async (c) => (await c.v3PrivateGetBrokerageAccounts({ limit: 250 })).accounts.find((a) => a.currency === 'USD').available_balance.value,
        place: async (c, id) => (await c.v3PrivatePostBrokerageOrders({
            client_order_id: id, product_id: 'BTC-USD', side: 'BUY', order_configuration: { limit_limit_gtc: { base_size: '0.1', limit_price: '50000.1', post_only: false } },
        })).success_response.order_id,
        query: async (c, order) => (await c.v3PrivateGetBrokerageOrdersHistoricalOrderId({ order_id: order })).order.status,
        open: async (c) => (await c.v3PrivateGetBrokerageOrdersHistoricalBatch({ order_status: 'OPEN' })).orders.length,
        cancel: async (c, order) => {
            await c.v3PrivatePostBrokerageOrdersBatchCancel({ order_ids: [order] });
            return (await c.v3PrivateGetBrokerageOrdersHistoricalOrderId({ order_id: order })).order.status;
        },
        want: { before: '1000000', held: '994999.99', query: 'OPEN', cancel: 'CANCELLED', id: 'ccxt-', market: 'BTC/USD' },
    },
    cryptocom: {
        funds: async (c) => {
            const usd = (await c.v1PrivatePostPrivateUserBalance()).result.data[0].position_balances.find((b) => b.instrument_name === 'USD');
            return (Number(usd.quantity) - Number(usd.reserved_qty)).toFixed(2);
        },
        place: async (c, id) => (await c.v1PrivatePostPrivateCreateOrder({
            instrument_name: 'BTC_USD', side: 'BUY', type: 'LIMIT', quantity: '0.1', price: '50000.1', client_oid: id, exec_inst: ['POST_ONLY'],
        })).result.order_id,
        query: async (c, order) => (await c.v1PrivatePostPrivateGetOrderDetail({ order_id: order })).result.status,
        open: async (c) => (await c.v1PrivatePostPrivateGetOpenOrders({ instrument_name: 'BTC_USD' })).result.data.length,
        cancel: async (c, order) => {
            await c.v1PrivatePostPrivateCancelOrder({ order_id: order });
            return (await c.v1PrivatePostPrivateGetOrderDetail({ order_id: order })).result.status;
        },
        want: { before: '1000000.00', held: '994999.99', query: 'ACTIVE', cancel: 'CANCELED', id: 'ccxt-', market: 'BTC/USD' },
    },
    gemini: {
        funds: async (c) => (await c.privatePostV1Balances()).find((b) => b.currency === 'USD').available,
        place: async (c, id) => (await c.privatePostV1OrderNew({
            client_order_id: id, symbol: 'btcusd', amount: '0.1', price: '50000.1', side: 'buy', type: 'exchange limit',
        })).order_id,
        query: async (c, order) => (await c.privatePostV1OrderStatus({ order_id: order })).is_live,
        open: async (c) => (await c.privatePostV1Orders()).length,
        cancel: async (c, order) => (await c.privatePostV1OrderCancel({ order_id: order })).is_cancelled,
        want: { before: '1000000', held: '994999.99', query: true, cancel: true, id: 'ccxt-', market: 'BTC/USD' },
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
const kind = (k) => (k.pem === '' ? (k.id.endsWith('-ed25519') ? 'Ed25519' : 'HMAC') : k.pem.includes('EC PRIVATE') ? 'ECDSA' : k.pem.length > 500 ? 'RSA' : 'Ed25519');

// ccxt's Kraken and Gemini nonce is the millisecond, so two calls within one would clash.
const pause = () => new Promise((done) => { setTimeout(done, 2); });
for (const [name, step] of Object.entries(play)) {
    if (typeof step === 'function') play[name] = async (...args) => { await pause(); return step(...args); };
}

for (const [i, key] of scope('read+trade').entries()) {
    const c = client(key);
    check(`${kind(key)} key ${i} reads the account`, await play.funds(c), play.want.before);
    const order = await play.place(c, play.want.id + i);
    check('places an order', /^[0-9A-Z-]+$/i.test(order), true);
    check('queries it', await play.query(c, order), play.want.query);
    check('finds it among the open ones', await play.open(c), 1);
    check('sees its funds held', await play.funds(c), play.want.held);
    check('cancels it', await play.cancel(c, order), play.want.cancel);
    check('has its funds back', await play.funds(c), play.want.before);
}

// unified goes the same way through the methods that ccxt has for all venues: what it
// makes of markets, tickers, orders and trades.
async function unified(key, symbol) {
    const c = client(key);
    if (exchange.venue === 'gemini') { // ccxt takes currencies and precisions from a page of the website, for people
        c.options.fetchCurrencies.webApiEnable = false;
        c.options.tradingPairs = [['BTCUSD', 2, 8, '0.00001', 10, true]];
    }
    const step = async (call) => { await pause(); return call(); };
    await step(() => c.loadMarkets());
    check('knows the market', c.markets[symbol]?.spot, true);
    check('reads the ticker', (await step(() => c.fetchTicker(symbol))).last, 60000);
    const order = await step(() => c.createOrder(symbol, 'limit', 'buy', 0.1, 50000.1));
    check('the order is open', (await step(() => c.fetchOrder(order.id, symbol))).status, 'open');
    check('and is the only one', (await step(() => c.fetchOpenOrders(symbol))).map((o) => o.id).join(), order.id);
    check('holds its price', (await step(() => c.fetchBalance(exchange.venue === 'coinbase' ? { v3: true } : {}))).USD.free, 994999.99);
    await step(() => c.cancelOrder(order.id, symbol));
    check('the order is canceled', (await step(() => c.fetchOrder(order.id, symbol))).status, 'canceled');
    const taken = await step(() => c.createOrder(symbol, 'limit', 'buy', 0.1, 60000));
    const done = await step(() => c.fetchOrder(taken.id, symbol));
    check('another is filled', `${done.status} ${done.filled}`, 'closed 0.1');
    const [trade] = await step(() => c.fetchMyTrades(symbol));
    check('and has its trade', `${trade.order === taken.id} ${trade.side} ${trade.amount} at ${trade.price}`, 'true buy 0.1 at 60000');
}
if (play.want.market) await unified(scope('read+trade')[0], play.want.market);

const [reader] = scope('read');
const [trader] = scope('read+trade');
await refused('a read-only key places', () => play.place(client(reader), 'ccxtr'), [ccxt.PermissionDenied, ccxt.AuthenticationError, ccxt.ExchangeError]);
await refused('a wrong secret', () => play.funds(client({ ...trader, secret: reader.secret, pem: reader.pem })), [ccxt.AuthenticationError, ccxt.ExchangeError]);
await refused('an unknown key', () => play.funds(client({ ...trader, id: trader.id.slice(0, -4) + 'bbbb' })), [ccxt.AuthenticationError]);
// Of Coinbase's answer to that ccxt knows no more than that it is an error.
await refused('an order of no such id', () => play.query(client(trader), exchange.venue === 'kraken' ? 'OAAAAA-AAAAA-AAAAAA' : '999'),
    exchange.venue === 'coinbase' ? [ccxt.ExchangeError] : [ccxt.OrderNotFound, ccxt.InvalidOrder]);

process.exit(failed ? 1 : 0);
