// Keeps the page alive. Without it the page is complete, and its forms and links do the same.
// Text becomes text nodes only; the browser refuses anything else (Content-Security-Policy).
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const root = document.documentElement, body = document.body, form = document.forms[0];
  const rows = $("processes").tBodies[0], log = $("log"), link = $("link");
  const MOST_STREAMS = 4; // of one browser: it has six connections for all of its tabs
  const LONGEST_LOG = 400000; // characters that are kept
  let from = root.dataset.from, skew = 0, poll = 5;
  let source = null, timer = 0, pause = 1000, lost = null, said = 0, sharing = 0;
  let program = new URLSearchParams(location.search).get("program") || "";

  // -- the table --------------------------------------------------------------------------------

  const element = (tag, cls, text) => {
    const made = document.createElement(tag);
    if (cls) made.className = cls;
    if (text) made.textContent = text;
    return made;
  };
  const unquoted = (name) => { try { return decodeURIComponent(name); } catch { return name; } };
  const nameOf = (row) => unquoted(row.cells[0].firstChild.search.slice(9));
  const byName = new Map([...rows.rows].map((row) => [nameOf(row), row]));

  const clock = (seconds) => { // as supervicectl: two units at most
    const s = Math.max(0, Math.floor(seconds)), m = Math.floor(s / 60), h = Math.floor(m / 60), d = Math.floor(h / 24);
    const two = (a, of, b, rest) => a + of + (rest ? rest + b : "");
    return d ? two(d, "d", "h", h % 24) : h ? two(h, "h", "m", m % 60) : m ? two(m, "m", "s", s % 60) : s + "s";
  };
  const now = () => Date.now() / 1000 + skew;
  const tick = () => {
    for (const row of rows.rows) {
      const cell = row.cells[3], text = +row.dataset.since ? clock(now() - row.dataset.since) : "–";
      if (cell.textContent !== text) cell.textContent = text;
    }
  };

  const made = (name) => {
    const row = element("tr"), head = element("th"), a = element("a", "", name);
    head.scope = "row";
    a.href = "?program=" + encodeURIComponent(name);
    head.append(a);
    row.append(head, ...Array.from({ length: 9 }, () => element("td")));
    byName.set(name, row);
    return row;
  };
  const put = (cell, value) => { if (cell.textContent !== String(value)) cell.textContent = value; };
  const show = ([name, look, state, pid, since, restarts, health, detail, cpu, memory]) => {
    const row = byName.get(name) || made(name), cells = row.cells;
    const fresh = row.className.split(" ")[0] !== look, shown = cells[0].textContent;
    row.dataset.since = since;
    if (fresh || cells[1].textContent !== state) {
      row.className = look;
      void row.offsetWidth;
      row.className = look + " fresh";
    }
    [state, health, null, pid || "–", restarts || "", cpu, memory, detail].forEach((value, at) => {
      if (value !== null) put(cells[at + 1], value);
    });
    const buttons = !body.classList.contains("may") ? [] : pid || look === "busy" ? ["restart", "stop"] : ["start"];
    if ([...cells[9].children].map((b) => b.textContent).join() !== buttons.join()) {
      const focused = cells[9].contains(document.activeElement);
      cells[9].replaceChildren(...buttons.map((verb) => {
        const button = element("button", "", verb);
        button.name = "do";
        button.value = verb + ":" + encodeURIComponent(name);
        button.setAttribute("aria-label", verb + " " + shown);
        return button;
      }));
      if (focused && cells[9].firstChild) cells[9].firstChild.focus();
    }
    if (cpu || memory) body.classList.add("usage");
    return row;
  };
  const update = (news) => {
    if (!news) return;
    from = news.from;
    const shown = news.rows.map(show);
    if (news.all) {
      const gone = new Set(byName.values());
      shown.forEach((row) => gone.delete(row));
      for (const [name, row] of byName) if (gone.has(row)) { row.remove(); byName.delete(name); }
      shown.forEach((row, at) => { if (rows.rows[at] !== row) rows.insertBefore(row, rows.rows[at] || null); });
    }
    put($("sum"), news.sum);
    $("sum").className = news.mood;
    put($("container"), news.container);
    document.title = news.sum + " · " + document.querySelector("h1 span").textContent;
    tick();
    filter();
    pictures();
  };
  const filter = () => {
    const wanted = $("filter").value.trim().toLowerCase();
    for (const [name, row] of byName) row.hidden = wanted !== "" && !(name + " " + row.cells[1].textContent).toLowerCase().includes(wanted);
  };
  let drawn = 0;
  const pictures = () => {
    if (drawn) return;
    drawn = setTimeout(() => {
      drawn = 0;
      for (const img of document.querySelectorAll("details[open] img")) img.src = img.getAttribute("src").split("?")[0] + "?" + encodeURIComponent(from);
    }, 1500);
  };

  // -- outcomes and output ----------------------------------------------------------------------

  const MARKS = { true: ["up", "done"], false: ["bad", "failed"], null: ["busy", "…"] };
  const outcome = (told) => {
    said = Math.max(said, told.id);
    const list = $("said"), [look, mark] = MARKS[told.ok];
    let item = [...list.children].find((one) => one.dataset.about === String(told.about));
    if (item && told.id < +item.dataset.id) return;
    if (!item) {
      item = element("li");
      item.dataset.about = told.about;
      list.prepend(item);
    }
    item.dataset.id = told.id;
    item.className = look;
    item.replaceChildren(element("b", "", mark), " " + told.text);
    while (list.children.length > 3) list.lastChild.remove();
  };
  const output = (news) => {
    if (news.name !== program) return;
    const bottom = log.scrollHeight - log.scrollTop - log.clientHeight < 30;
    if (news.begin) log.replaceChildren();
    if (news.error) log.append(element("i", "err", news.error));
    for (const [marked, text] of news.pieces) log.append(marked ? element("i", "err", text) : text);
    let size = log.textContent.length;
    while (size > LONGEST_LOG && log.childNodes.length > 1) {
      size -= log.firstChild.textContent.length;
      log.firstChild.remove();
    }
    if (bottom || news.begin) log.scrollTop = log.scrollHeight;
  };
  const choose = (name) => {
    program = name;
    $("output").hidden = !name;
    put($("program"), name);
    log.replaceChildren();
    mark();
    if (lost === null) connect();
  };
  const mark = () => {
    for (const [name, row] of byName) name === program ? row.setAttribute("aria-current", "true") : row.removeAttribute("aria-current");
  };

  // -- the stream -------------------------------------------------------------------------------

  const at = (path) => { // fetch refuses what has a password in it, as the URL of the page may have
    return new URL(path, location.origin + location.pathname).href;
  };
  const query = () => "?from=" + encodeURIComponent(from) + "&said=" + said + (program ? "&program=" + encodeURIComponent(program) : "");
  const channel = "BroadcastChannel" in window ? new BroadcastChannel("supervice streams") : null;
  let others = new Set();
  const me = Math.random().toString(36).slice(2);
  if (channel) channel.onmessage = ({ data }) => {
    if (data.is === "who" && source) channel.postMessage({ is: "have", id: me });
    if (data.is === "have") others.add(data.id);
    if (data.is === "gone" && !source && !sharing && !document.hidden) connect();
  };
  const close = () => {
    clearTimeout(timer);
    if (!source) return;
    source.close();
    source = null;
    if (channel) channel.postMessage({ is: "gone" });
  };
  const hello = (it) => {
    if (it.build !== root.dataset.build || (it.token !== null) !== body.classList.contains("may")) {
      location.reload(); // another version, or another role: the page itself has to be another one
      return;
    }
    form.elements.token.value = it.token || "";
    skew = it.time - Date.now() / 1000;
    poll = it.poll;
    pause = 1000;
    lost = null;
    link.hidden = true;
    body.classList.add("live");
  };
  const failed = () => {
    close();
    if (document.hidden) return;
    lost = lost || new Date();
    put(link, "Not connected since " + lost.toLocaleTimeString());
    link.hidden = false;
    timer = setTimeout(connect, pause * (0.75 + Math.random() / 2));
    pause = Math.min(pause * 2, 30000);
  };
  const ask = async () => {
    clearTimeout(timer);
    try {
      const answer = await fetch(at("news" + query()), { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.status);
      const news = await answer.json();
      hello(news.hello);
      update(news.rows);
      news.said.forEach(outcome);
      if (news.log && news.log.name === program) output(news.log);
      mark();
      if (!source && !document.hidden) timer = setTimeout(ask, poll * 1000);
    } catch {
      if (!source) failed();
    }
  };
  const listen = () => {
    const stream = (source = new EventSource(at("events" + query())));
    const on = (kind, what) => stream.addEventListener(kind, (event) => { if (stream === source) what(JSON.parse(event.data)); });
    on("hello", hello);
    on("rows", (news) => { update(news); mark(); });
    on("said", outcome);
    on("log", output);
    on("full", () => { close(); timer = setTimeout(ask, poll * 1000); });
    stream.onerror = () => { if (stream === source) failed(); };
  };
  const connect = () => {
    close();
    clearTimeout(sharing);
    sharing = 0;
    if (document.hidden) return;
    if (!channel) return listen();
    others = new Set();
    channel.postMessage({ is: "who" });
    sharing = setTimeout(() => {
      sharing = 0;
      others.size < MOST_STREAMS ? listen() : ask();
    }, 60 + Math.random() * 60);
  };

  // -- what the reader does ---------------------------------------------------------------------

  const act = async (button, again) => {
    const fields = new URLSearchParams({ token: form.elements.token.value, do: button.value });
    try {
      const answer = await fetch(at("act"), { method: "POST", body: fields, headers: { Accept: "application/json" } });
      const reply = await answer.json();
      if (reply.code === "STALE" && again) {
        await ask(); // the daemon is another one by now; this brings its token
        return act(button, false);
      }
      if (reply.said) outcome(reply.said);
      else outcome({ id: said, about: "refused", ok: false, text: reply.message });
      if (!source) { clearTimeout(timer); timer = setTimeout(ask, 700); }
    } catch {
      outcome({ id: said, about: "refused", ok: false, text: "supervice did not answer; nothing may have been done" });
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.submitter) act(event.submitter, true);
  });
  document.addEventListener("click", (event) => {
    const a = event.target.closest("a");
    if (!a || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    const row = a.closest("tbody tr"), closing = a.id === "close";
    if (!row && !closing) return;
    event.preventDefault();
    history.pushState(null, "", row ? a.getAttribute("href") : "./");
    choose(row ? nameOf(row) : "");
    if (row) log.focus({ preventScroll: true });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && program) $("close").click();
    if (event.key === "/" && !/^(INPUT|TEXTAREA)$/.test(event.target.tagName)) {
      event.preventDefault();
      $("filter").focus();
    }
  });
  $("filter").addEventListener("input", filter);
  $("filter").addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
  addEventListener("popstate", () => choose(new URLSearchParams(location.search).get("program") || ""));
  document.addEventListener("visibilitychange", () => { document.hidden ? close() : connect(); });
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
  setInterval(() => { if (!document.hidden) tick(); }, 1000);
  log.scrollTop = log.scrollHeight;
  mark();
  connect();
})();
