import com.alibaba.fastjson.JSON;
import com.alibaba.fastjson.JSONObject;
import com.egzosn.pay.common.bean.CertStoreType;
import com.egzosn.pay.common.bean.NoticeParams;
import com.egzosn.pay.common.bean.PayOrder;
import com.egzosn.pay.common.bean.RefundOrder;
import com.egzosn.pay.common.exception.PayErrorException;
import com.egzosn.pay.common.http.HttpConfigStorage;
import com.egzosn.pay.union.api.UnionPayConfigStorage;
import com.egzosn.pay.union.api.UnionPayService;
import com.egzosn.pay.union.bean.UnionRefundResult;
import com.egzosn.pay.union.bean.UnionTransactionType;
import com.sun.net.httpserver.HttpServer;
import java.math.BigDecimal;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * Drives the sandbox with a public client of UnionPay, egzosn/pay-java-union, and prints what came back as JSON.
 * Arguments: the sandbox's folder, the merchant's key with its certificate (.pfx), its password, a new number.
 */
public final class Client {
    /** The client knows UnionPay's addresses only: its calls go to the sandbox, signed as they are. */
    private static final class AtTheSandbox extends UnionPayService {
        private final String base;

        AtTheSandbox(UnionPayConfigStorage account, HttpConfigStorage http, String base) {
            super(account, http);
            this.base = base;
        }

        @Override
        public String getFrontTransUrl() {
            return base + "/gateway/api/frontTransReq.do";
        }

        @Override
        public String getBackTransUrl() {
            return base + "/gateway/api/backTransReq.do";
        }

        @Override
        public String getAppTransUrl() {
            return base + "/gateway/api/appTransReq.do";
        }

        @Override
        public String getSingleQueryUrl() {
            return base + "/gateway/api/queryTrans.do";
        }

        @Override
        public String getFileTransUrl() {
            return base + "/file/";
        }
    }

    private static final HttpClient HTTP = HttpClient.newHttpClient();
    private static final BlockingQueue<String> LETTERS = new ArrayBlockingQueue<>(16);

    public static void main(String[] arguments) {
        try {
            drive(arguments);
        } catch (Exception failure) {
            failure.printStackTrace();
            System.exit(1); // the server's thread would keep the programme alive
        }
        System.exit(0);
    }

    private static void drive(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        JSONObject told = JSON.parseObject(Files.readString(folder.resolve("sandbox.json")));
        JSONObject own = told.getJSONObject("unionpay");
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        server.createContext("/", exchange -> {
            LETTERS.add(new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
            exchange.sendResponseHeaders(200, -1);
            exchange.close();
        });
        server.start();

        UnionPayConfigStorage account = new UnionPayConfigStorage();
        account.setMerId(own.getString("mer_id"));
        account.setCertSign(true);
        account.setCertStoreType(CertStoreType.PATH);
        account.setKeyPrivateCert(arguments[1]);
        account.setKeyPrivateCertPwd(arguments[2]);
        String root = folder.resolve(own.getString("root_certificate_file")).toString();
        account.setAcpRootCert(root);
        account.setAcpMiddleCert(root);
        account.setNotifyUrl("http://127.0.0.1:" + server.getAddress().getPort() + "/");
        account.setReturnUrl("https://shop.example.com/done");
        account.setSignType("RSA2");
        account.setInputCharset("UTF-8");
        UnionPayService client = new AtTheSandbox(account, new HttpConfigStorage(), own.getString("base_url"));

        Map<String, Object> said = new LinkedHashMap<>();
        String shown = arguments[3] + "q";
        String inApp = arguments[3] + "a";
        said.put("shown", client.getQrPay(order(shown, UnionTransactionType.APPLY_QR_CODE)));
        pay(told.getString("control_url"), shown);
        Map<String, Object> letter = nextLetter();
        said.put("told", new String[] {(String) letter.get("orderId"), (String) letter.get("txnAmt")});
        said.put("verified", client.verify(new NoticeParams(letter)));
        letter.put("txnAmt", "1");
        said.put("forged", client.verify(new NoticeParams(letter)));
        RefundOrder part = new RefundOrder(arguments[3] + "r", (String) letter.get("queryId"), new BigDecimal("0.50"));
        UnionRefundResult refund = client.refund(part);
        said.put("refund", new String[] {refund.getRespCode(), refund.getOrderId()});
        said.put("app", client.app(order(inApp, UnionTransactionType.APP)).get("tn").toString().length());
        String page = client.toPay(order(arguments[3] + "p", UnionTransactionType.WEB));
        said.put("page", page.contains(own.getString("base_url")));
        try {
            client.query(null, arguments[3] + "u");
        } catch (PayErrorException refused) {
            said.put("unknown", refused.getPayError().getErrorCode());
        }
        try {
            client.downloadBill(new Date(), "00");
        } catch (PayErrorException refused) {
            said.put("bill", refused.getPayError().getErrorCode());
        }
        System.out.println(JSON.toJSONString(said));
        server.stop(0);
    }

    private static PayOrder order(String number, UnionTransactionType kind) {
        return new PayOrder("coffee", "two cups", new BigDecimal("10.50"), number, kind);
    }

    /** The payer pays the order. */
    private static void pay(String control, String reference) throws Exception {
        URI found = URI.create(control + "/orders?reference=" + reference);
        String orders = HTTP.send(HttpRequest.newBuilder(found).build(), HttpResponse.BodyHandlers.ofString()).body();
        String id = JSON.parseObject(orders).getJSONArray("orders").getJSONObject(0).getString("id");
        HttpRequest act = HttpRequest.newBuilder(URI.create(control + "/orders/" + id + "/pay"))
            .header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString("{}")).build();
        HTTP.send(act, HttpResponse.BodyHandlers.discarding());
    }

    private static Map<String, Object> nextLetter() throws InterruptedException {
        String letter = LETTERS.poll(10, TimeUnit.SECONDS);
        if (letter == null) {
            throw new IllegalStateException("no callback came");
        }
        Map<String, Object> fields = new TreeMap<>();
        for (String pair : letter.split("&")) {
            String[] parts = pair.split("=", 2);
            fields.put(parts[0], URLDecoder.decode(parts[1], StandardCharsets.UTF_8));
        }
        return fields;
    }
}
