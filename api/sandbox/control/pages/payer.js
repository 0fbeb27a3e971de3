// The payer's phone: lists the orders that wait, opens one, pays or does not. Text is only ever set as text.
"use strict";

const TEXTS = {
  en: {
    title: "Sandbox payer", other: "中文", empty: "No order waits for a payer.", back: "All orders", pay: "Pay",
    refuse: "Refuse", expire: "Let it expire", merchant: "Merchant's number", number: "Channel's number",
    product: "For", created: "Created", expires: "Expires", channel: "Channel", refunded: "Refunded",
    failed: "That did not work: ", home: "Back to the merchant", unknown: "There is no such order.",
    wechat: "WeChat Pay", alipay: "Alipay", unionpay: "UnionPay",
    open: "waiting for payment", paid: "paid", refused: "refused", closed: "closed", reversed: "reversed",
  },
  zh: {
    title: "沙箱付款人", other: "English", empty: "没有等待付款的订单。", back: "全部订单", pay: "付款",
    refuse: "拒绝付款", expire: "任其过期", merchant: "商户订单号", number: "渠道订单号",
    product: "商品", created: "创建时间", expires: "失效时间", channel: "支付渠道", refunded: "已退款",
    failed: "操作失败：", home: "返回商户", unknown: "没有这个订单。",
    wechat: "微信支付", alipay: "支付宝", unionpay: "云闪付",
    open: "等待付款", paid: "已付款", refused: "付款失败", closed: "已关闭", reversed: "已撤销",
  },
};
const REFRESH_MS = 2000;

let language = navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
let shown = null;
let problem = "";

function text(key) {
  return TEXTS[language][key];
}

function element(name, options, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(options || {})) {
    if (key === "onclick") made.addEventListener("click", value);
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

function yuan(amount) {
  const digits = String(amount).padStart(3, "0");
  return "¥" + digits.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ",") + "." + digits.slice(-2);
}

function moment(milliseconds) {
  return new Date(milliseconds).toLocaleString(language === "zh" ? "zh-CN" : "en-GB", { timeZone: "Asia/Shanghai" });
}

async function ask(path, method) {
  const options = method === "POST" ? { method, body: "{}", headers: { "content-type": "application/json" } } : {};
  const answer = await fetch("/control" + path, options);
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.error);
  return content;
}

function row(order) {
  return element("button", { class: "order " + order.protocol, type: "button", onclick: () => open(order) },
    element("span", { class: "what" }, order.description || order.reference,
      element("br"), element("span", { class: "small" }, text(order.protocol) + " · " + order.reference)),
    element("span", { class: "sum" }, yuan(order.amount)));
}

function act(name) {
  return element("button", { class: name, type: "button", onclick: () => perform(name) }, text(name));
}

function detail(order) {
  const facts = [
    ["product", order.description], ["channel", text(order.protocol)], ["merchant", order.reference],
    ["number", order.number], ["created", moment(order.created_at)], ["expires", moment(order.expires_at)],
  ];
  if (order.refunded) facts.push(["refunded", yuan(order.refunded)]);
  const acts = order.state === "open" ? [act("pay"), act("refuse"), act("expire")] : [];
  if (order.return_url) acts.push(element("button", { type: "button", class: "home",
    onclick: () => location.assign(order.return_url) }, text("home")));
  return element("section", { class: "card " + order.protocol },
    element("div", { class: "amount" }, yuan(order.amount)),
    element("div", { class: "state", role: "status" }, text(order.state)),
    element("div", { class: "problem", role: "alert" }, problem),
    element("dl", {}, ...facts.flatMap(([key, value]) => [element("dt", {}, text(key)), element("dd", {}, value)])),
    element("div", { class: "acts" }, ...acts,
      element("button", { type: "button", onclick: () => leave() }, text("back"))));
}

function draw(...children) {
  document.documentElement.lang = language;
  document.title = text("title");
  document.getElementById("title").textContent = text("title");
  document.getElementById("language").textContent = text("other");
  document.getElementById("page").replaceChildren(...children);
}

async function refresh() {
  try {
    if (shown !== null) {
      shown = await ask("/orders/" + shown.id);
      draw(detail(shown));
      return;
    }
    const { orders } = await ask("/orders?state=open");
    if (shown === null) draw(...(orders.length ? orders.map(row) : [element("p", { class: "empty" }, text("empty"))]));
  } catch (error) {
    draw(element("p", { class: "problem", role: "alert" }, text("failed") + error.message));
  }
}

async function open(order) {
  problem = "";
  shown = await ask("/orders/" + order.id + "/scan", "POST");
  await refresh();
}

async function perform(name) {
  try {
    shown = await ask("/orders/" + shown.id + "/" + name, "POST");
    problem = "";
  } catch (error) {
    problem = text("failed") + error.message;
  }
  await refresh();
}

async function leave() {
  shown = null;
  problem = "";
  history.replaceState(null, "", "/payer/");
  await refresh();
}

async function begin() {
  document.getElementById("language").addEventListener("click", () => {
    language = language === "zh" ? "en" : "zh";
    refresh();
  });
  const token = new URLSearchParams(location.search).get("token");
  if (token) {
    const { orders } = await ask("/orders?token=" + encodeURIComponent(token));
    if (orders.length) {
      await open(orders[0]);
    } else {
      draw(element("p", { class: "problem", role: "alert" }, text("unknown")));
      return;
    }
  } else {
    await refresh();
  }
  setInterval(refresh, REFRESH_MS);
}

begin();
