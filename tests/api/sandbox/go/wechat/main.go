// Drives the sandbox with WeChat Pay's own Go client, wechatpay-go, and prints what came back as one line of JSON.
// Arguments: the sandbox's folder, a new number, a day.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"
	"github.com/wechatpay-apiv3/wechatpay-go/core/notify"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/native"
	"github.com/wechatpay-apiv3/wechatpay-go/services/refunddomestic"
	"github.com/wechatpay-apiv3/wechatpay-go/utils"
)

// What sandbox.json tells a merchant.
type told struct {
	BaseURL    string            `json:"base_url"`
	ControlURL string            `json:"control_url"`
	Wechat     map[string]string `json:"wechat"`
}

// The client knows one address only: its requests are turned to the sandbox, signed as they are.
type turned struct{ to *url.URL }

func (t turned) RoundTrip(request *http.Request) (*http.Response, error) {
	here := request.Clone(request.Context())
	here.URL.Scheme, here.URL.Host, here.Host = t.to.Scheme, t.to.Host, t.to.Host
	return http.DefaultTransport.RoundTrip(here)
}

type shop struct {
	told
	folder    string
	notifyURL string
	client    *core.Client
	handler   *notify.Handler
	letters   chan string
}

func must[Value any](value Value, err error) Value {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func (s *shop) path(name string) string { return filepath.Join(s.folder, s.Wechat[name]) }

func open(folder string) *shop {
	s := &shop{folder: folder, letters: make(chan string, 16)}
	must(0, json.Unmarshal(must(os.ReadFile(filepath.Join(folder, "sandbox.json"))), &s.told))
	key := must(utils.LoadPrivateKeyWithPath(s.path("merchant_key_file")))
	channel := must(utils.LoadPublicKeyWithPath(s.path("platform_public_key_file")))
	secret := strings.TrimSpace(string(must(os.ReadFile(s.path("apiv3_key_file")))))
	here := &http.Client{Transport: turned{must(url.Parse(s.BaseURL))}, Timeout: 10 * time.Second}
	keyID := s.Wechat["public_key_id"]
	s.client = must(core.NewClient(context.Background(), option.WithHTTPClient(here),
		option.WithWechatPayPublicKeyAuthCipher(s.Wechat["mchid"], s.Wechat["merchant_serial"], key, keyID, channel)))
	s.handler = must(notify.NewRSANotifyHandler(secret, verifiers.NewSHA256WithRSAPubkeyVerifier(keyID, *channel)))
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	s.notifyURL = fmt.Sprintf("http://%s/notify", listener.Addr())
	go http.Serve(listener, http.HandlerFunc(s.take))
	return s
}

func (s *shop) take(writer http.ResponseWriter, request *http.Request) {
	paid := new(payments.Transaction)
	if _, err := s.handler.ParseNotifyRequest(request.Context(), request, paid); err != nil {
		s.letters <- err.Error()
		writer.WriteHeader(http.StatusBadRequest)
		return
	}
	s.letters <- *paid.OutTradeNo
	writer.WriteHeader(http.StatusNoContent)
}

func (s *shop) pay(reference string) {
	var found struct{ Orders []struct{ ID int } }
	reply := must(http.Get(s.ControlURL + "/orders?reference=" + reference))
	defer reply.Body.Close()
	must(0, json.NewDecoder(reply.Body).Decode(&found))
	act := fmt.Sprintf("%s/orders/%d/pay", s.ControlURL, found.Orders[0].ID)
	must(http.Post(act, "application/json", bytes.NewBufferString("{}"))).Body.Close()
}

func (s *shop) order(orders native.NativeApiService, reference string) string {
	made, _, err := orders.Prepay(context.Background(), native.PrepayRequest{
		Appid: core.String(s.Wechat["appid"]), Mchid: core.String(s.Wechat["mchid"]),
		Description: core.String("两杯咖啡"), OutTradeNo: core.String(reference), NotifyUrl: core.String(s.notifyURL),
		TimeExpire: core.Time(time.Now().Add(time.Hour * 24 * 365)), Amount: &native.Amount{Total: core.Int64(1050)},
	})
	return *must(made, err).CodeUrl
}

func (s *shop) state(orders native.NativeApiService, reference string) string {
	found, _, err := orders.QueryOrderByOutTradeNo(context.Background(), native.QueryOrderByOutTradeNoRequest{
		OutTradeNo: core.String(reference), Mchid: core.String(s.Wechat["mchid"]),
	})
	return *must(found, err).TradeState
}

func code(err error) string {
	var refused *core.APIError
	if errors.As(err, &refused) {
		return refused.Code
	}
	return fmt.Sprint(err)
}

func main() {
	s, paid, left := open(os.Args[1]), os.Args[2]+"p", os.Args[2]+"l"
	ctx := context.Background()
	orders := native.NativeApiService{Client: s.client}
	refunds := refunddomestic.RefundsApiService{Client: s.client}
	said := map[string]any{"made": s.order(orders, paid), "unpaid": s.state(orders, paid)}
	s.pay(paid)
	said["paid"] = s.state(orders, paid)
	select {
	case said["told"] = <-s.letters:
	case <-time.After(10 * time.Second):
		said["told"] = "no callback came"
	}

	s.order(orders, left)
	must(orders.CloseOrder(ctx, native.CloseOrderRequest{
		OutTradeNo: core.String(left), Mchid: core.String(s.Wechat["mchid"]),
	}))
	said["closed"] = s.state(orders, left)

	refund, _, err := refunds.Create(ctx, refunddomestic.CreateRequest{
		OutTradeNo: core.String(paid), OutRefundNo: core.String(paid + "r"), Reason: core.String("洒了"),
		Amount: &refunddomestic.AmountReq{
			Refund: core.Int64(50), Total: core.Int64(1050), Currency: core.String("CNY"),
		},
	})
	said["refund"] = *must(refund, err).Amount.Refund
	asked, _, err := refunds.QueryByOutRefundNo(ctx, refunddomestic.QueryByOutRefundNoRequest{
		OutRefundNo: core.String(paid + "r"),
	})
	said["refund_found"] = *must(asked, err).OutTradeNo

	_, err = s.client.Get(ctx, consts.WechatPayAPIServer+"/v3/bill/tradebill?bill_date="+os.Args[3])
	said["bill"] = code(err)
	_, _, err = orders.QueryOrderByOutTradeNo(ctx, native.QueryOrderByOutTradeNoRequest{
		OutTradeNo: core.String(os.Args[2] + "u"), Mchid: core.String(s.Wechat["mchid"]),
	})
	said["unknown"] = code(err)
	fmt.Println(string(must(json.Marshal(said))))
}
