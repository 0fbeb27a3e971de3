// The cashier: draws what the server says of a payment or a store, and sends what the payer chooses. Text is only ever
// set as text. Money is never calculated here: amounts are text.
"use strict";

const TEXTS = {
  en: {
    title: "Cashier", other: "中文", wechat: "WeChat Pay", alipay: "Alipay", unionpay: "UnionPay", pay: "Pay with {}",
    choose: "Choose how to pay", test: "Test: no real money moves", left: "Pay within {}", scan: "Scan with {} to pay",
    here: "or scan with your phone", hereHint: "Your phone's payment app opens this page.", others: "Other ways to pay",
    waiting: "Waiting for your payment in {}", again: "Open {} again", code: "QR code to pay with {}",
    page: "QR code of this page", processing: "Confirming your payment…",
    processingHint: "This takes a moment. Please do not pay again.",
    succeeded: "Paid", succeededHint: "You can close this page.", authorized: "Your payment is held",
    failed: "The payment did not go through",
    failedHint: "Nothing was charged; what arrives late comes back to you. Go back to the shop and order again.",
    notCharged: "Nothing was charged; what arrives late comes back to you.", canceled: "The payment was called off",
    canceledHint: "There is nothing more to do. Ask the shop if this surprises you.",
    expired: "The time to pay has run out",
    expiredHint: "Nothing was charged; what arrives late comes back to you. Go back to the shop and order again.",
    none: "This cannot be paid here now", noneHint: "Please ask the shop, or open this page in your browser.",
    unknown: "This link does not work", unknownHint: "Check that it is complete, or ask the shop for a new one.",
    away: "The cashier cannot be reached. It tries again by itself.", back: "Back to the shop", repeat: "Pay again",
    player: "Test mode: play the payer", amount: "Amount", enter: "Enter the amount to pay",
    wrong: "Enter an amount such as 12.50.", later: "That was not possible just now. Please try again in a moment.",
    soon: "Too many tries. Please wait a moment.",
    footer: "Never pay for someone you do not know.",
  },
  zh: {
    title: "收银台", other: "English", wechat: "微信支付", alipay: "支付宝", unionpay: "云闪付", pay: "使用{}付款",
    choose: "请选择付款方式", test: "测试模式：不产生真实资金", left: "请在 {} 内付款", scan: "请使用{}扫码付款",
    here: "或用手机扫码", hereHint: "用手机付款应用扫码即可打开本页。", others: "其他付款方式",
    waiting: "请在{}中完成付款", again: "重新打开{}", code: "{}付款二维码",
    page: "本页二维码", processing: "正在确认付款结果…",
    processingHint: "请稍候，请勿重复付款。",
    succeeded: "付款成功", succeededHint: "您可以关闭此页面。", authorized: "款项已预授权",
    failed: "付款未成功", failedHint: "您没有被扣款，迟到的款项将原路退回。请返回商户重新下单。",
    notCharged: "您没有被扣款，迟到的款项将原路退回。", canceled: "付款已取消",
    canceledHint: "无需其他操作。如有疑问，请联系商户。",
    expired: "付款时间已过", expiredHint: "您没有被扣款，迟到的款项将原路退回。请返回商户重新下单。",
    none: "目前无法在此付款", noneHint: "请咨询商户，或在浏览器中打开本页。",
    unknown: "链接无效", unknownHint: "请确认链接完整，或向商户索取新的链接。",
    away: "暂时无法连接收银台，正在自动重试。", back: "返回商户", repeat: "再付一笔",
    player: "测试模式：扮演付款人", amount: "金额", enter: "请输入付款金额",
    wrong: "请输入金额，例如 12.50。", later: "暂时无法完成，请稍后再试。", soon: "操作过于频繁，请稍候再试。",
    footer: "请勿为陌生人付款。",
  },
};
const MARKS = { wechat: "微", alipay: "支", unionpay: "银" };
const SYMBOLS = { CNY: "¥" };
const POLL_MS = 3000;
const HERE = location.pathname;
const IS_STORE = HERE.startsWith("/pay/s/");
const DECIDED = ["succeeded", "authorized", "failed", "canceled", "expired"];

let language = document.documentElement.lang === "zh" ? "zh" : "en";
let view = null;      // what the server said last
let missing = false;  // there is no such link
let problem = "";     // the key of a text
let typed = "";       // the amount, while the payer types it
let busy = false;
let endsAt = 0;       // when the payment expires, on this page's own clock
let stream = null;
let poll = null;
let drawn = "";

function text(key, name) {
  return TEXTS[language][key].replace("{}", name);
}

function element(name, options, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(options || {})) {
    if (typeof value === "function") made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

function named(channel) {
  return TEXTS[language][channel] || channel;
}

function symbol() {
  return SYMBOLS[view.currency] || view.currency;
}

function isDecided() {
  return view !== null && DECIDED.includes(view.status);
}

// -- what is asked of the server

async function ask(path, content) {
  const options = content === undefined ? {} : {
    method: "POST", body: JSON.stringify(content), headers: { "content-type": "application/json" },
  };
  const answer = await fetch(path, { cache: "no-store", ...options });
  const told = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(told.reason), { reason: told.reason, status: answer.status });
  return told;
}

function take(told) {
  if (!IS_STORE && view !== null && told.version < view.version) return;  // overtaken on the way
  view = told;
  if (problem === "away") problem = "";
  if (!IS_STORE) endsAt = performance.now() + told.seconds_left * 1000;
  draw();
}

function meaning(error) {
  if (error.status === 429) return "soon";
  if (error.status === 409) return "later";
  if (IS_STORE && error.reason === "invalid_request") return "wrong";
  if (error.status !== undefined && error.status < 500) return "none";
  return IS_STORE ? "later" : "away";
}

async function refresh() {
  try {
    take(await ask(HERE + "/state"));
  } catch (error) {
    missing = error.status === 404 && view === null;
    if (!missing) problem = meaning(error);
    draw();
  }
}

function follow() {
  stop();
  if (missing || IS_STORE || isDecided()) return;
  stream = new EventSource(HERE + "/events");
  stream.addEventListener("state", (event) => {
    take(JSON.parse(event.data));
    if (isDecided()) stop();
  });
  // Where the server refuses to push, or a proxy on the way does: ask every now and then.
  stream.addEventListener("error", () => {
    const isOver = stream !== null && stream.readyState === EventSource.CLOSED;
    if (isOver && poll === null) poll = setInterval(lookAgain, POLL_MS);
  });
}

async function lookAgain() {
  await refresh();
  if (missing || isDecided()) stop();
}

function stop() {
  if (stream !== null) stream.close();
  if (poll !== null) clearInterval(poll);
  stream = poll = null;
}

async function act(work) {
  if (busy) return;
  busy = true;
  problem = "";
  draw();
  try {
    await work();
  } catch (error) {
    const met = meaning(error);
    if (met !== "wrong") await refresh();
    problem = met;
  }
  busy = false;
  draw();
}

function lead(path) {
  location.assign(path + "/go?lang=" + language);
}

function choose(offer) {
  act(async () => {
    take(await ask(HERE + "/choose", offer));
    if (view.action === "go") lead(HERE);
  });
}

function order(offer) {
  act(async () => {
    const amount = typed.trim().replace(/^[¥￥]\s*/, "").replace("。", ".");
    const { path } = await ask(HERE + "/order", { order: view.order, amount });
    // From here on it is a payment like any other: whatever becomes of the choice, its own page tells.
    const told = await ask(path + "/choose", offer).catch(() => null);
    // Who comes back from the channel finds the payment, not the form.
    history.replaceState(null, "", path + "?lang=" + language);
    if (told !== null && told.action === "go") lead(path);
    else location.reload();
  });
}

// -- what is drawn

function ways(chosen, offers, kind) {
  return element("div", { class: "ways " + kind }, ...offers.map((offer) =>
    element("button", { type: "button", class: "way " + offer.channel, disabled: busy, onclick: () => chosen(offer) },
      element("span", { class: "mark " + offer.channel, "aria-hidden": "true" }, MARKS[offer.channel] || "·"),
      kind === "one" ? text("pay", named(offer.channel)) : named(offer.channel))));
}

function head() {
  return [
    view.live ? null : element("span", { class: "test" }, text("test")),
    element("p", { class: "subject" }, view.subject),
    element("p", { class: "amount" }, element("small", {}, symbol()), view.amount),
  ];
}

function heading(content) {
  return element("h1", { tabindex: "-1" }, content);
}

function hint(...content) {
  return element("p", { class: "hint" }, ...content);
}

function picture(kind, alt) {
  return element("div", { class: "code " + kind },
    element("img", { src: HERE + "/code.svg?v=" + view.version, alt, width: "240", height: "240" }));
}

function link(url, label) {
  const isOfTheWeb = url !== null && /^https?:\/\//.test(url);
  return isOfTheWeb ? element("a", { class: "button primary", href: url }, label) : null;
}

function clock() {
  return element("p", { class: "time", id: "time", role: "timer", "aria-live": "off" });
}

function others() {
  const rest = view.offers.filter((offer) => offer.channel !== view.channel);
  if (!rest.length) return [];
  return [element("p", { class: "or" }, text("others")), element("div", { class: "next" }, ways(choose, rest, "other"))];
}

function choosing() {
  if (!view.offers.length) return [heading(text("none")), hint(text("noneHint"))];
  const one = view.offers.length === 1;
  const scan = view.device !== "desktop" ? []
    : [element("p", { class: "or" }, text("here")), picture("page", text("page")), hint(text("hereHint"))];
  return [
    clock(), one ? null : heading(text("choose")),
    element("div", { class: "next" }, ways(choose, view.offers, one ? "one" : "three")), ...scan,
  ];
}

function scanning() {
  const name = named(view.channel);
  const played = view.simulator_url === null ? null
    : hint(element("a", { href: view.simulator_url, target: "_blank", rel: "noopener" }, text("player")));
  return [clock(), heading(text("scan", name)), picture(view.channel, text("code", name)), played, ...others()];
}

function leaving() {
  const name = named(view.channel);
  const href = HERE + "/go?lang=" + language;
  const again = element("a", { class: "button way " + view.channel, href }, text("again", name));
  return [clock(), heading(text("waiting", name)), element("div", { class: "next" }, again), ...others()];
}

function decided() {
  const isGood = view.status === "succeeded" || view.status === "authorized";
  const next = isGood ? "succeededHint"
    : view.store_url !== null && view.status !== "canceled" ? "notCharged" : view.status + "Hint";
  return [
    element("div", { class: isGood ? "result good" : "result", "aria-hidden": "true" }, isGood ? "✓" : "!"),
    heading(text(view.status)), hint(text(next)),
    element("div", { class: "next" }, link(view.return_url, text("back")) || link(view.store_url, text("repeat"))),
  ];
}

function payment() {
  if (isDecided()) return [...head(), ...decided()];
  if (view.status === "processing" || (busy && view.action === null)) {
    return [...head(), element("div", { class: "wait", "aria-hidden": "true" }),
      heading(text("processing")), hint(text("processingHint"))];
  }
  if (view.action === "code") return [...head(), ...scanning()];
  return [...head(), ...(view.action === "go" ? leaving() : choosing())];
}

function store() {
  const input = element("input", {
    id: "amount", inputmode: "decimal", autocomplete: "off", maxlength: "16", required: true, placeholder: "0.00",
    "aria-describedby": "problem", oninput: (event) => { typed = event.target.value; },
  });
  input.value = typed;
  const send = (event) => {
    event.preventDefault();
    if (view.offers.length) order(view.offers[0]);
  };
  return [
    view.live ? null : element("span", { class: "test" }, text("test")),
    element("p", { class: "subject" }, view.store), heading(text("enter")),
    element("form", { onsubmit: send, novalidate: true }, element("label", { for: "amount" }, text("amount")),
      element("div", { class: "sum" }, element("span", { "aria-hidden": "true" }, symbol()), input),
      view.offers.length ? ways(order, view.offers, "one") : hint(text("noneHint"))),
  ];
}

function unknown() {
  return [
    element("div", { class: "result", "aria-hidden": "true" }, "?"), heading(text("unknown")), hint(text("unknownHint")),
  ];
}

function said() {
  if (missing) return text("unknown");
  if (view === null || IS_STORE) return "";
  if (isDecided()) return text(view.status);
  if (view.status === "processing" || busy) return text("processing");
  if (view.action === "code") return text("scan", named(view.channel));
  return view.action === "go" ? text("waiting", named(view.channel)) : "";
}

function put(id, content) {
  const place = document.getElementById(id);
  if (place.textContent !== content) place.textContent = content;
}

function draw() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = view === null ? text("title") : text("title") + " · " + view.merchant;
  put("language", text("other"));
  put("merchant", view === null ? text("title") : view.merchant);
  put("status", said());
  put("problem", problem ? text(problem) : "");
  put("footer", view === null || isDecided() ? "" : text("footer"));
  // Drawn anew only where something changed, so that nothing is taken from under the payer's finger.
  const wanted = JSON.stringify([language, busy, missing, view && { ...view, seconds_left: 0 }]);
  if (wanted === drawn || (view === null && !missing)) return;
  drawn = wanted;
  const page = document.getElementById("page");
  const had = page.contains(document.activeElement) ? document.activeElement.id || "none" : "";
  const children = missing ? unknown() : IS_STORE ? store() : payment();
  page.replaceChildren(...children.filter((child) => child !== null));
  if (had) (document.getElementById(had) || page.querySelector("h1") || page).focus();
  tick();
}

function tick() {
  if (document.getElementById("time") === null) return;
  const left = Math.max(0, Math.ceil((endsAt - performance.now()) / 1000));
  const parts = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
  put("time", text("left", parts.slice(parts[0] ? 0 : 1).map((part) => String(part).padStart(2, "0")).join(":")));
}

async function begin() {
  document.getElementById("language").addEventListener("click", () => {
    language = language === "zh" ? "en" : "zh";
    draw();
  });
  // Back from a channel's page, perhaps out of the browser's memory: what was true then may not be now.
  addEventListener("pageshow", (event) => {
    if (location.pathname !== HERE) location.reload();
    else if (event.persisted) refresh().then(follow);
  });
  addEventListener("pagehide", stop);
  setInterval(tick, 1000);
  await refresh();
  follow();
}

begin();
