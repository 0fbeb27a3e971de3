// Drives the sandbox with Alipay's own SDK, through both interfaces, and prints what came back as one line of JSON.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AlipaySdk } from "alipay-sdk";

const [folder, reference] = process.argv.slice(2);
const own = JSON.parse(readFileSync(join(folder, "sandbox.json"), "utf8")).alipay;
const control = JSON.parse(readFileSync(join(folder, "sandbox.json"), "utf8")).control_url;
const sdk = new AlipaySdk({
  appId: own.app_id,
  privateKey: readFileSync(join(folder, own.app_key_file), "utf8"),
  alipayPublicKey: readFileSync(join(folder, own.platform_public_key_file), "utf8"),
  keyType: "PKCS8",
  gateway: own.gateway,
  endpoint: own.endpoint,
});

async function pay(number) {
  const { orders } = await (await fetch(`${control}/orders?reference=${number}`)).json();
  const headers = { "content-type": "application/json" };
  await fetch(`${control}/orders/${orders[0].id}/pay`, { method: "POST", body: "{}", headers });
}

async function failure(call) {
  try {
    await call;
    return null;
  } catch (error) {
    return error.code;
  }
}

const first = { out_trade_no: `${reference}v2`, total_amount: "10.50", subject: "咖啡" };
const second = { out_trade_no: `${reference}v3`, total_amount: "10.50", subject: "咖啡" };
const said = {};
said.v2_made = await sdk.exec("alipay.trade.precreate", { bizContent: first }, { validateSign: true });
await pay(first.out_trade_no);
said.v2_found = await sdk.exec(
  "alipay.trade.query", { bizContent: { out_trade_no: first.out_trade_no } }, { validateSign: true });
said.v3_made = (await sdk.curl("POST", "/v3/alipay/trade/precreate", { body: second })).data;
const named = { out_trade_no: second.out_trade_no };
said.v3_unknown = await failure(sdk.curl("POST", "/v3/alipay/trade/query", { body: named }));
await pay(second.out_trade_no);
said.v3_found = (await sdk.curl("POST", "/v3/alipay/trade/query", { body: named })).data;
const refund = { ...named, refund_amount: "0.50", out_request_no: "r1" };
said.v3_refund = (await sdk.curl("POST", "/v3/alipay/trade/refund", { body: refund })).data;
const bill = { bill_type: "trade", bill_date: "2199-01-01" };
said.v3_bill = await failure(sdk.curl("GET", "/v3/alipay/data/dataservice/bill/downloadurl/query", { query: bill }));
console.log(JSON.stringify(said));
