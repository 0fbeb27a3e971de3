#!/bin/bash
# How the files of this folder were made: with the openssl program and, for AES-GCM (which that program does not do),
# with Node's crypto; nothing of pycore takes part. The signed texts are written out here by hand from the channels'
# public rules, so that a test compares two readings of the rules. Run it in an empty copy of this folder: keys and
# signatures are new ones then.
set -euo pipefail

key() { openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1.pem"; }
sign() { openssl dgst -sha256 -sign "$1.pem" | openssl base64 -A > "$2"; }

for name in merchant platform stranger root middle signer other_signer foreign_root foreign_middle; do key "$name"; done
openssl pkey -in platform.pem -pubout -out platform_public.pem
openssl pkey -in merchant.pem -pubout -out merchant_public.pem

# -- WeChat Pay APIv3: METHOD, URI, timestamp, nonce and body, a line feed after each
cat > wechat_body.json <<'BODY'
{"appid":"wx0123456789abcdef","mchid":"1900000001","description":"茶 tea","out_trade_no":"a1b2c3d4e5f60718","time_expire":"2026-12-01T12:15:00+08:00","notify_url":"https://pay.example/wechat","amount":{"total":101,"currency":"CNY"}}
BODY
truncate -s -1 wechat_body.json
{ printf 'POST\n/v3/pay/transactions/native\n1796097600\n593bec0c930bf1afeb40b4a08c8fb242\n'; cat wechat_body.json; printf '\n'; } \
    | sign merchant wechat_request.sig
printf 'GET\n/v3/pay/transactions/out-trade-no/a1b2c3d4e5f60718?mchid=1900000001\n1796097600\n593bec0c930bf1afeb40b4a08c8fb242\n\n' \
    | sign merchant wechat_query.sig
# A reply: timestamp, nonce, body.
printf '{"code_url":"weixin://wxpay/bizpayurl?pr=p4lpSuKzz"}' > wechat_reply.json
{ printf '1796097601\nreplyNonce1\n'; cat wechat_reply.json; printf '\n'; } | sign platform wechat_reply.sig
# What the payer's app gets: app id, timestamp, nonce and package (jsapi) or the bare number (app).
printf 'wx0123456789abcdef\n1796097600\n593bec0c930bf1afeb40b4a08c8fb242\nprepay_id=wx201410272009395522657a690389285100\n' \
    | sign merchant wechat_jsapi.sig
printf 'wx0123456789abcdef\n1796097600\n593bec0c930bf1afeb40b4a08c8fb242\nwx201410272009395522657a690389285100\n' \
    | sign merchant wechat_app.sig
# API v2: the sorted fields and the key, HMAC-SHA256, upper case.
printf 'appid=wx0123456789abcdef&mch_id=1900000001&nonce_str=593bec0c930bf1afeb40b4a08c8fb242&out_trade_no=a1b2c3d4e5f60718&sign_type=HMAC-SHA256&key=0123456789abcdefghijklmnopqrstuv' \
    | openssl dgst -sha256 -hmac 0123456789abcdefghijklmnopqrstuv -r | cut -d' ' -f1 | tr a-f A-F > wechat_v2_query.sig
# A notification's resource.
node -e '
const c = require("crypto").createCipheriv("aes-256-gcm", "0123456789ABCDEFGHIJKLMNOPQRSTUV", "fdasflkja484");
c.setAAD(Buffer.from("transaction"));
const sealed = Buffer.concat([c.update("{\"mchid\":\"1900000001\",\"note\":\"茶\"}", "utf8"), c.final(), c.getAuthTag()]);
process.stdout.write(sealed.toString("base64"));
' > wechat_resource.txt

# -- Alipay gateway (v2): sorted, `sign` and empty ones left out, values not URL-encoded
printf '%s' 'app_id=2021000000000001&biz_content={"out_trade_no":"a1b2c3d4e5f60718"}&charset=utf-8&format=JSON&method=alipay.trade.query&sign_type=RSA2&timestamp=2026-12-01 12:00:00&version=1.0' \
    | sign merchant alipay_v2_query.sig
printf '%s' 'alipay_root_cert_sn=687b59193f3f462dd5336e5abf83c5d8&app_cert_sn=dbd1d2c8bba5dbc5d4bb3d92f4b1cd16&app_id=2021000000000001&biz_content={"out_trade_no":"a1b2c3d4e5f60718"}&charset=utf-8&format=JSON&method=alipay.trade.query&sign_type=RSA2&timestamp=2026-12-01 12:00:00&version=1.0' \
    | sign merchant alipay_v2_certificate_query.sig
# Its reply: the inner text as sent, a slash escaped and a space where no writer of ours would put them.
printf '%s' '{"code":"10000","msg":"Success", "out_trade_no":"a1b2c3d4e5f60718","qr_code":"https:\/\/qr.alipay.com\/bax03431ljhokirwl38f00a7"}' \
    | tee alipay_v2_inner.txt | sign platform alipay_v2_inner.sig
# -- Alipay v3: the authorisation text, method, URI, body
printf '%s' 'app_id=2021000000000001,nonce=593bec0c930bf1afeb40b4a08c8fb242,timestamp=1796097600000
POST
/v3/alipay/trade/query
{"out_trade_no":"a1b2c3d4e5f60718"}
' | sign merchant alipay_v3_query.sig
# A notification: sorted, `sign` and `sign_type` left out, values decoded.
printf '%s' 'app_id=2021000000000001&gmt_payment=2026-12-01 12:00:09&notify_id=2026120100222120009&out_trade_no=a1b2c3d4e5f60718&seller_id=2088000000000001&subject=茶 + tea&total_amount=1.01&trade_no=2026120122001400000000000001&trade_status=TRADE_SUCCESS' \
    | sign platform alipay_notification.sig

# -- UnionPay 5.1.0: SHA-256 of the sorted text as lower-case hexadecimal text, signed
printf '%s' 'accessType=0&bizType=000000&certId=68759663125&encoding=UTF-8&merId=777290058110001&orderId=a1b2c3d4e5f60718&signMethod=01&txnSubType=00&txnTime=20261201120000&txnType=00&version=5.1.0' \
    | openssl dgst -sha256 -r | cut -d' ' -f1 | tr -d '\n' | sign merchant unionpay_query.sig
# Two chains, each root, intermediate and signer; one signer has another name.
authority() { openssl req -x509 -new -key "$1.pem" -subj "/CN=$2" -days 9000 -out "$1.crt" 2>/dev/null; }
issued() { # key, issuer, name, extension
    openssl req -new -key "$1.pem" -subj "/C=CN/CN=$3" -utf8 2>/dev/null \
        | openssl x509 -req -CA "$2.crt" -CAkey "$2.pem" -CAcreateserial -days 8000 -extfile <(echo "basicConstraints=$4") \
        -out "$1.crt" 2>/dev/null
}
authority root "Test Root"; authority foreign_root "Test Root"
issued middle root "Test Middle" critical,CA:TRUE
issued foreign_middle foreign_root "Test Middle" critical,CA:TRUE
issued signer middle "041@Z12@中国银联股份有限公司@00000001" CA:FALSE
issued other_signer middle "041@Z13@某某商户@00000002" CA:FALSE
openssl req -new -key signer.pem -subj "/C=CN/CN=041@Z12@中国银联股份有限公司@00000001" -utf8 2>/dev/null \
    | openssl x509 -req -CA foreign_middle.crt -CAkey foreign_middle.pem -CAcreateserial -days 8000 -out foreign_signer.crt 2>/dev/null
rm -f ./*.srl foreign_*.pem
