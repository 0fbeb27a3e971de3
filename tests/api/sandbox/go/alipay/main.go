// Drives the sandbox with a public Go client of Alipay, smartwalle/alipay, and prints what came back as one line of JSON.
// Arguments: the sandbox's folder, a new number.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/smartwalle/alipay/v3"
)

// What sandbox.json tells a merchant.
type told struct {
	ControlURL string            `json:"control_url"`
	Alipay     map[string]string `json:"alipay"`
}

func must[Value any](value Value, err error) Value {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

// The client takes keys as Alipay's tool gives them: base64 without headings.
func bare(file string) string {
	lines := strings.Split(string(must(os.ReadFile(file))), "\n")
	kept := ""
	for _, line := range lines {
		if !strings.HasPrefix(line, "-----") {
			kept += strings.TrimSpace(line)
		}
	}
	return kept
}

// What the payer of an order does.
func act(description told, number string, deed string) {
	var found struct{ Orders []struct{ ID int } }
	listed := must(http.Get(description.ControlURL + "/orders?reference=" + number))
	defer listed.Body.Close()
	if err := json.NewDecoder(listed.Body).Decode(&found); err != nil || len(found.Orders) == 0 {
		fmt.Fprintln(os.Stderr, "no such order", err)
		os.Exit(1)
	}
	url := fmt.Sprintf("%s/orders/%d/%s", description.ControlURL, found.Orders[0].ID, deed)
	done := must(http.Post(url, "application/json", bytes.NewReader([]byte("{}"))))
	done.Body.Close()
}

func main() {
	folder, number := os.Args[1], os.Args[2]
	var description told
	if err := json.Unmarshal(must(os.ReadFile(filepath.Join(folder, "sandbox.json"))), &description); err != nil {
		panic(err)
	}
	own := description.Alipay
	client := must(alipay.New(
		own["app_id"], bare(filepath.Join(folder, own["app_key_file"])), false,
		alipay.WithSandboxGateway(own["gateway"]),
	))
	if err := client.LoadAliPayPublicKey(bare(filepath.Join(folder, own["platform_public_key_file"]))); err != nil {
		panic(err)
	}

	letters := make(chan *alipay.Notification, 8)
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	go http.Serve(listener, http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		letter, err := client.GetTradeNotification(request) // which verifies it
		if err != nil {
			http.Error(answer, err.Error(), http.StatusBadRequest)
			return
		}
		alipay.ACKNotification(answer)
		letters <- letter
	}))

	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	notifyURL := "http://" + listener.Addr().String() + "/notify"
	order := alipay.Trade{OutTradeNo: number, TotalAmount: "10.50", Subject: "两杯咖啡", NotifyURL: notifyURL}
	made := must(client.TradePreCreate(ctx, alipay.TradePreCreate{Trade: order}))
	unscanned := must(client.TradeQuery(ctx, alipay.TradeQuery{OutTradeNo: number}))
	act(description, number, "pay")
	var letter *alipay.Notification
	select {
	case letter = <-letters:
	case <-ctx.Done():
		panic("no callback came")
	}
	found := must(client.TradeQuery(ctx, alipay.TradeQuery{OutTradeNo: number}))
	refund := must(client.TradeRefund(ctx, alipay.TradeRefund{
		OutTradeNo: number, RefundAmount: "0.50", RefundReason: "cold", OutRequestNo: "r1",
	}))
	refunded := must(client.TradeFastPayRefundQuery(ctx, alipay.TradeFastPayRefundQuery{
		OutTradeNo: number, OutRequestNo: "r1",
	}))

	other := order
	other.OutTradeNo = number + "b"
	must(client.TradePreCreate(ctx, alipay.TradePreCreate{Trade: other}))
	act(description, other.OutTradeNo, "scan")
	closed := must(client.TradeClose(ctx, alipay.TradeClose{OutTradeNo: other.OutTradeNo}))
	other.OutTradeNo = number + "c"
	must(client.TradePreCreate(ctx, alipay.TradePreCreate{Trade: other}))
	canceled := must(client.TradeCancel(ctx, alipay.TradeCancel{OutTradeNo: other.OutTradeNo}))

	order.TotalAmount, order.OutTradeNo = "1.001", number+"d"
	badly := must(client.TradePreCreate(ctx, alipay.TradePreCreate{Trade: order}))
	bill := must(client.BillDownloadURLQuery(ctx, alipay.BillDownloadURLQuery{BillType: "trade", BillDate: "2020-01-01"}))
	json.NewEncoder(os.Stdout).Encode(map[string]any{
		"made":      made.QRCode,
		"unscanned": unscanned.SubCode,
		"told":      []string{letter.OutTradeNo, string(letter.TradeStatus), letter.TotalAmount},
		"found":     []string{string(found.TradeStatus), found.TotalAmount},
		"refund":    []string{refund.FundChange, refund.RefundFee},
		"refunded":  refunded.RefundAmount,
		"closed":    []string{string(closed.Code), closed.OutTradeNo},
		"canceled":  []string{string(canceled.Code), canceled.Action},
		"badly":     badly.SubCode,
		"bill":      bill.SubCode,
	})
}
