package exchangetest

import "strings"

// The list of what may stand in a fixture. Names are folded: lower-case, without _
// and -. What is not here is replaced, so a name is missing rather than too much;
// FixtureOptions.Keep adds more. None of them holds an id, a name, an address or
// anything else of the account, but how much it has and what it does.
var fixtureFields = fieldSet(`
	code scode subcode errorcode error errors errorid errorname errormessage errordescription errordetails err errmsg errcode msg smsg message retcode retmsg reason
	result success status state ok detail details description rejectreason cancelreason failurereason
	newordererror previewfailurereason neworderfailurereason editfailurereason jsonrpc type kind action

	time servertime timestamp ts iso unixtime rfc1123 epochseconds epochmillis datetime date timezone created createdat createdtime createtime
	creationtime creationtimestamp createtimems created at updated updatedat updatedtime updatetime updatetimems utime ctime filltime filledtime
	lastupdatetime lastupdatetimestamp transacttime workingtime tradetime ordertime opentm closetm starttm expiretm expiretime expires expiration
	opentime closetime starttime endtime startat endat since until after before begin end fetchtime filltimems timestampms servertimezone elapsed
	usin usout usdiff testnet creditcount notice totalcount lastupdated resettimestamp

	symbol symbols pair pairs currencypair market markets marketid instid instrument instrumentname insttype productid producttype base quote baseasset
	quoteasset basecurrency quotecurrency currency currencies currencyid coin coins asset assets ccy ticker tickers tickerid slug baseccy quoteccy
	numerator denominator pairsymbol pairnormalized numeratorsymbol denominatorsymbol category settlecoin settle settlecurrency contract underlying
	price prices qty quantity amount size sz volume vol cost fee fees feecost feeasset feecurrency feeccy commission commissionasset rate px avgpx
	avgprice averageprice average averagefilledprice executedqty origqty origquoteorderqty cumquote cumqty cummulativequoteqty executedquantity executedvolume executedamount
	executedvalue remainingvolume remainingamount remainingquantity remaining filledsize filledvalue filledquantity filledamount filled left filltotal
	leavesqty cumexecqty cumexecvalue cumexecfee volexec dealfunds dealsize dealamount funds limitprice stopprice triggerprice lastprice
	last high low open close bid ask bids asks bidprice askprice bidqty askqty buy sell weightedavgprice pricechange pricechangepercent percentchange
	markprice indexprice side direction ordertype ordertypes ordermethod markettype source ordtype ordstatus orderstatus ordertypestr timeinforce tif selftradepreventionmode stp stpmode
	isworking ispost postonly reduceonly hidden iceberg trades fills tdmode tgtccy accfillsz fillpx fillsz lever leverage ordconfig marginmode
	ordertypes cancelled count ordertypedesc method request instruction limit limits page pagesize offset cursor depth num total
	ratelimits ratelimittype interval intervalnum recvwindow window rate requestweight used rawrequests newordertype newordertypes
	newOrderRespType oflags leverageratio settlement executions ordercount responsetime responsetype pricetype quantitytype

	balance balances free locked available availablebalance availbal availeq cashbal eq eqccy equsd frozen frozenbal hold holds onhold total
	totalbalance totalequity totaleq walletbalance equity borrow borrowed interest avgbuyprice unitcurrency isallowedtotrade avgbuypricemodified
	balancehold freeze loan debt reserved staked lend maincurrency orderfund orderfrozen availablefunds initialmargin maintenancemargin marginbalance
	marginratio upl unrealizedpnl realizedpnl cantrade canwithdraw candeposit makercommission takercommission buyercommission sellercommission
	accounttype permissions uidlevel totalavailablebalance totalcashbalance totalmarginbalance usdvalue availabletowithdraw bonus spotholdqty
	availableforwithdrawal usablequantity usableamt assetamt freezeamt tradable hidden requiresselftradeprevention brokered preventsor
	position positions delta theta gamma vega sessionupl sessionrpl fundingrate

	open interest rank totalsupply maxsupply circulatingsupply marketcap volume24h percentchange1h percentchange24h percentchange7d
	isactive isnew quotes betavalue firstdataat athprice athdate plan usage currentmonth currentminute currentday
	creditlimitdaily creditlimitmonthly creditsused creditsleft requestsleft requestsmade lastprocessed`)

// stampFields are what a scheme writes, besides Venue.Reserved: present, and never
// compared. Kraken's and others' deadline is a moment too.
var stampFields = strings.Fields(`timestamp nonce tonce signature sign sig apikey accesskeyid accessid deadline expTime echostr`)

// amounts are objects whose members are called as assets are: {"btc":"0.5"}.
var amounts = fieldSet(`balance balances balancehold free used hold freeze asset assets total frozen`)

// sentences are fields with a venue's own words, in which it may quote an id.
var sentences = fieldSet(`msg smsg message retmsg error errors errormessage errordescription errordetails err errmsg reason detail details description`)

// answerHeaders and answerPrefixes are what is kept of an answer's header, besides
// the counters of Venue.Quotas.
var (
	answerHeaders  = map[string]bool{"Content-Type": true, "Retry-After": true, "Age": true}
	answerPrefixes = []string{"X-Mbx-Used-Weight", "X-Mbx-Order-Count", "X-Sapi-Used-", "Ratelimit", "X-Ratelimit", "Gw-Ratelimit",
		"X-Bapi-Limit", "X-Gate-Ratelimit", "Remaining-Req", "X-Bm-Ratelimit"}
)

func fieldSet(names string) map[string]bool {
	set := map[string]bool{}
	for name := range strings.FieldsSeq(names) {
		set[fold(name)] = true
	}
	return set
}
