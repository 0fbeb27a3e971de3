import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.wechat.pay.contrib.apache.httpclient.WechatPayHttpClientBuilder;
import com.wechat.pay.contrib.apache.httpclient.auth.PublicKeyVerifier;
import com.wechat.pay.contrib.apache.httpclient.notification.NotificationHandler;
import com.wechat.pay.contrib.apache.httpclient.notification.NotificationRequest;
import com.wechat.pay.contrib.apache.httpclient.util.PemUtil;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.http.HttpHost;
import org.apache.http.client.methods.CloseableHttpResponse;
import org.apache.http.client.methods.HttpGet;
import org.apache.http.client.methods.HttpPost;
import org.apache.http.client.methods.HttpUriRequest;
import org.apache.http.conn.routing.HttpRoute;
import org.apache.http.entity.ContentType;
import org.apache.http.entity.StringEntity;
import org.apache.http.impl.client.CloseableHttpClient;
import org.apache.http.util.EntityUtils;

/** The older client, wechatpay-apache-httpclient: orders, a refund, a bill, a callback. Arguments: folder, a new number. */
public final class Older {
    /** The client signs for this address only; its connections are led to the sandbox. */
    private static final String CHANNEL = "https://api.mch.weixin.qq.com";

    private final Shop shop;
    private final CloseableHttpClient http;

    private Older(Shop shop, CloseableHttpClient http) {
        this.shop = shop;
        this.http = http;
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, Object> said = new LinkedHashMap<>();
        try (Shop shop = new Shop(Path.of(arguments[0]))) {
            PrivateKey key = PemUtil.loadPrivateKey(shop.text("merchant_key_file"));
            PublicKey channel = PemUtil.loadPublicKey(shop.text("platform_public_key_file"));
            HttpHost sandbox = HttpHost.create(shop.channel.toString());
            try (CloseableHttpClient http = WechatPayHttpClientBuilder.create()
                    .withMerchant(shop.told("mchid"), shop.told("merchant_serial"), key)
                    .withWechatPay(shop.told("public_key_id"), channel)
                    .setRoutePlanner((target, request, context) -> new HttpRoute(sandbox))
                    .build()) {
                new Older(shop, http).run(arguments[1], arguments[2], channel, said);
            }
        }
        Shop.say(said);
        System.exit(0);
    }

    private void run(String number, String day, PublicKey channel, Map<String, Object> said) throws Exception {
        String paid = number + "p", left = number + "l";
        said.put("made", post("/v3/pay/transactions/native", order(paid)).get("code_url").getAsString());
        said.put("unpaid", state(paid));
        shop.pay(paid);
        said.put("paid", state(paid));
        Shop.Letter letter = shop.nextLetter();
        NotificationRequest received = new NotificationRequest.Builder()
            .withSerialNumber(letter.header("Wechatpay-Serial"))
            .withNonce(letter.header("Wechatpay-Nonce"))
            .withTimestamp(letter.header("Wechatpay-Timestamp"))
            .withSignature(letter.header("Wechatpay-Signature"))
            .withBody(letter.body())
            .build();
        byte[] secret = shop.text("apiv3_key_file").getBytes(StandardCharsets.UTF_8);
        PublicKeyVerifier verifier = new PublicKeyVerifier(shop.told("public_key_id"), channel);
        String told = new NotificationHandler(verifier, secret).parse(received).getDecryptData();
        said.put("told", JsonParser.parseString(told).getAsJsonObject().get("out_trade_no").getAsString());

        post("/v3/pay/transactions/native", order(left));
        post("/v3/pay/transactions/out-trade-no/" + left + "/close", Map.of("mchid", shop.told("mchid")));
        said.put("closed", state(left));

        Map<String, Object> amount = Map.of("refund", 50, "total", 1050, "currency", "CNY");
        JsonObject refund = post("/v3/refund/domestic/refunds",
            Map.of("out_trade_no", paid, "out_refund_no", paid + "r", "reason", "洒了", "amount", amount));
        said.put("refund", refund.getAsJsonObject("amount").get("refund").getAsInt());
        said.put("refund_found", get("/v3/refund/domestic/refunds/" + paid + "r").get("out_trade_no").getAsString());
        said.put("bill", get("/v3/bill/tradebill?bill_date=" + day).get("code").getAsString());
        said.put("unknown", get(query(number + "u")).get("code").getAsString());
    }

    private Map<String, Object> order(String reference) {
        return Map.of("appid", shop.told("appid"), "mchid", shop.told("mchid"), "description", "两杯咖啡",
            "out_trade_no", reference, "notify_url", shop.notifyUrl, "amount", Map.of("total", 1050));
    }

    private String state(String reference) throws Exception {
        return get(query(reference)).get("trade_state").getAsString();
    }

    private String query(String reference) {
        return "/v3/pay/transactions/out-trade-no/" + reference + "?mchid=" + shop.told("mchid");
    }

    private JsonObject get(String path) throws Exception {
        return answered(new HttpGet(CHANNEL + path));
    }

    private JsonObject post(String path, Map<String, Object> content) throws Exception {
        HttpPost request = new HttpPost(CHANNEL + path);
        request.setEntity(new StringEntity(new Gson().toJson(content), ContentType.APPLICATION_JSON));
        return answered(request);
    }

    private JsonObject answered(HttpUriRequest request) throws Exception {
        request.setHeader("Accept", "application/json");
        try (CloseableHttpResponse response = http.execute(request)) {
            String body = response.getEntity() == null ? "" : EntityUtils.toString(response.getEntity());
            return body.isEmpty() ? new JsonObject() : JsonParser.parseString(body).getAsJsonObject();
        }
    }
}
