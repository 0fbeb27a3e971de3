import com.wechat.pay.java.core.RSAPublicKeyConfig;
import com.wechat.pay.java.core.exception.ServiceException;
import com.wechat.pay.java.core.http.DefaultHttpClientBuilder;
import com.wechat.pay.java.core.http.HttpClient;
import com.wechat.pay.java.core.notification.NotificationParser;
import com.wechat.pay.java.core.notification.RequestParam;
import com.wechat.pay.java.service.billdownload.BillDownloadService;
import com.wechat.pay.java.service.billdownload.model.GetTradeBillRequest;
import com.wechat.pay.java.service.payments.model.Transaction;
import com.wechat.pay.java.service.payments.nativepay.NativePayService;
import com.wechat.pay.java.service.payments.nativepay.model.Amount;
import com.wechat.pay.java.service.payments.nativepay.model.CloseOrderRequest;
import com.wechat.pay.java.service.payments.nativepay.model.PrepayRequest;
import com.wechat.pay.java.service.payments.nativepay.model.QueryOrderByOutTradeNoRequest;
import com.wechat.pay.java.service.refund.RefundService;
import com.wechat.pay.java.service.refund.model.AmountReq;
import com.wechat.pay.java.service.refund.model.CreateRequest;
import com.wechat.pay.java.service.refund.model.QueryByOutRefundNoRequest;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;

/** The official client, wechatpay-java: orders, refunds, a bill, a callback. Arguments: folder, a new number. */
public final class Official {
    public static void main(String[] arguments) throws Exception {
        Map<String, Object> said = new LinkedHashMap<>();
        try (Shop shop = new Shop(Path.of(arguments[0]))) {
            RSAPublicKeyConfig config = new RSAPublicKeyConfig.Builder()
                .merchantId(shop.told("mchid"))
                .privateKeyFromPath(shop.file("merchant_key_file"))
                .merchantSerialNumber(shop.told("merchant_serial"))
                .publicKeyFromPath(shop.file("platform_public_key_file"))
                .publicKeyId(shop.told("public_key_id"))
                .apiV3Key(shop.text("apiv3_key_file"))
                .build();
            HttpClient http = new DefaultHttpClientBuilder().config(config).okHttpClient(atTheSandbox(shop)).build();
            NativePayService orders = new NativePayService.Builder().config(config).httpClient(http).build();
            String paid = arguments[1] + "p", left = arguments[1] + "l";

            said.put("made", orders.prepay(order(shop, paid)).getCodeUrl());
            said.put("unpaid", state(orders, shop, paid));
            shop.pay(paid);
            said.put("paid", state(orders, shop, paid));
            Shop.Letter letter = shop.nextLetter();
            RequestParam received = new RequestParam.Builder()
                .serialNumber(letter.header("Wechatpay-Serial"))
                .nonce(letter.header("Wechatpay-Nonce"))
                .timestamp(letter.header("Wechatpay-Timestamp"))
                .signature(letter.header("Wechatpay-Signature"))
                .body(letter.body())
                .build();
            said.put("told", new NotificationParser(config).parse(received, Transaction.class).getOutTradeNo());

            orders.prepay(order(shop, left));
            CloseOrderRequest closing = new CloseOrderRequest();
            closing.setMchid(shop.told("mchid"));
            closing.setOutTradeNo(left);
            orders.closeOrder(closing);
            said.put("closed", state(orders, shop, left));

            RefundService refunds = new RefundService.Builder().config(config).httpClient(http).build();
            said.put("refund", refunds.create(refund(paid)).getAmount().getRefund());
            QueryByOutRefundNoRequest asked = new QueryByOutRefundNoRequest();
            asked.setOutRefundNo(paid + "r");
            said.put("refund_found", refunds.queryByOutRefundNo(asked).getOutTradeNo());

            BillDownloadService bills = new BillDownloadService.Builder().config(config).httpClient(http).build();
            GetTradeBillRequest day = new GetTradeBillRequest();
            day.setBillDate(arguments[2]);
            try {
                said.put("bill", bills.getTradeBill(day).getHashValue());
            } catch (ServiceException refused) {
                said.put("bill", refused.getErrorCode());
            }
            try {
                said.put("unknown", state(orders, shop, arguments[1] + "u"));
            } catch (ServiceException refused) {
                said.put("unknown", refused.getErrorCode());
            }
        }
        Shop.say(said);
        System.exit(0);
    }

    /** The client knows one address only: its requests are turned to the sandbox, signed as they are. */
    private static OkHttpClient atTheSandbox(Shop shop) {
        return new OkHttpClient.Builder().addInterceptor(chain -> {
            HttpUrl here = chain.request().url().newBuilder()
                .scheme(shop.channel.getScheme()).host(shop.channel.getHost()).port(shop.channel.getPort()).build();
            return chain.proceed(chain.request().newBuilder().url(here).build());
        }).build();
    }

    private static PrepayRequest order(Shop shop, String reference) {
        Amount amount = new Amount();
        amount.setTotal(1050);
        PrepayRequest order = new PrepayRequest();
        order.setAppid(shop.told("appid"));
        order.setMchid(shop.told("mchid"));
        order.setDescription("两杯咖啡");
        order.setOutTradeNo(reference);
        order.setNotifyUrl(shop.notifyUrl);
        order.setAmount(amount);
        return order;
    }

    private static CreateRequest refund(String reference) {
        AmountReq amount = new AmountReq();
        amount.setRefund(50L);
        amount.setTotal(1050L);
        amount.setCurrency("CNY");
        CreateRequest refund = new CreateRequest();
        refund.setOutTradeNo(reference);
        refund.setOutRefundNo(reference + "r");
        refund.setReason("洒了");
        refund.setAmount(amount);
        return refund;
    }

    private static String state(NativePayService orders, Shop shop, String reference) {
        QueryOrderByOutTradeNoRequest asked = new QueryOrderByOutTradeNoRequest();
        asked.setMchid(shop.told("mchid"));
        asked.setOutTradeNo(reference);
        return orders.queryOrderByOutTradeNo(asked).getTradeState().name();
    }
}
