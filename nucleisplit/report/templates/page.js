"use strict";
(() => {
  const lists = [...document.querySelectorAll(".list")];
  const dialog = document.querySelector("dialog");
  const looks = ["", "only-kept", "only-other", "no-lines"];
  const byName = new Intl.Collator(undefined, { numeric: true });
  let look = 0;
  let current = null; // the card that j and k go on from
  let enlarged = null; // the one in the dialog

  const cardsOf = (list) => [...list.querySelectorAll(".card")];
  const shown = (list) => cardsOf(list).filter((card) => !card.hidden);

  function sort(list) {
    const [name, direction] = list.querySelector(".sort").value.split(":");
    const value = (card) => card.dataset[name];
    const compare = name === "name"
      ? (a, b) => byName.compare(value(a), value(b))
      : (a, b) => value(a) - value(b);
    const cards = cardsOf(list).sort((a, b) => direction * compare(a, b));
    list.querySelector(".cards").append(...cards);
  }

  function filter(list) {
    const words = list.querySelector("[type=search]").value.toLowerCase().split(/\s+/);
    const kind = list.querySelector(".kind").value;
    const inside = list.querySelector(".edge")?.checked;
    const cards = cardsOf(list);
    for (const card of cards) {
      const text = `${card.dataset.text} ${card.dataset.kind}`.toLowerCase();
      card.hidden = !words.every((word) => text.includes(word))
        || Boolean(kind && card.dataset.kind !== kind)
        || Boolean(inside && card.dataset.edge);
    }
    const left = shown(list).length;
    list.querySelector(".empty").hidden = left > 0;
    const total = Number(list.dataset.total ?? cards.length); // more than there are cards of
    const all = left === total ? "" : ` of ${total}`;
    const noun = total === 1 ? list.dataset.one : list.dataset.noun;
    list.querySelector("output").textContent = `${left}${all} ${noun}`;
  }

  function listInView() {
    const focused = document.activeElement.closest(".list");
    if (focused) return focused;
    const middle = window.innerHeight / 2;
    const at = lists.filter((list) => list.getBoundingClientRect().top < middle);
    return at.length ? at[at.length - 1] : lists[0];
  }

  function choose(card) {
    if (!card) return;
    current = card;
    card.focus({ preventScroll: true });
    card.scrollIntoView({ block: "nearest" });
    if (dialog.open) enlarge(card);
  }

  function step(by) {
    const list = dialog.open && current ? current.closest(".list") : listInView();
    const cards = shown(list);
    const at = cards.indexOf(current);
    choose(cards[at < 0 ? 0 : Math.min(Math.max(at + by, 0), cards.length - 1)]);
  }

  function perRow() {
    const cards = shown(current.closest(".list"));
    const top = cards[0].offsetTop;
    const next = cards.findIndex((card) => card.offsetTop > top);
    return next < 0 ? cards.length : next;
  }

  function enlarge(card) {
    const crop = card.querySelector("button.crop");
    if (!crop) return;
    enlarged = card;
    const large = document.createElement("div");
    large.className = "crop";
    large.append(...[...crop.children].map((child) => child.cloneNode(true)));
    const text = [...card.querySelectorAll("p")].map((line) => line.cloneNode(true));
    dialog.firstElementChild.replaceChildren(large, ...text);
    if (!dialog.open) dialog.showModal();
  }

  for (const list of lists) {
    list.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
    list.querySelector("form").addEventListener("input", (event) => {
      if (event.target.classList.contains("sort")) sort(list);
      else filter(list);
    });
    list.addEventListener("focusin", (event) => {
      current = event.target.closest(".card") || current;
    });
    list.addEventListener("click", (event) => {
      if (event.target.closest("button.crop")) enlarge(event.target.closest(".card"));
    });
    sort(list);
    filter(list);
  }
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => choose(enlarged)); // not the one it was opened from

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const typing = event.target.matches("input, select");
    if (event.key === "Escape" && typing) {
      const first = shown(event.target.closest(".list"))[0];
      if (first) choose(first);
      else event.target.blur();
      return;
    }
    if (typing) return;
    const onCard = dialog.open || document.activeElement.matches(".card, .crop");
    const keys = {
      j: () => step(1),
      k: () => step(-1),
      "/": () => {
        dialog.close();
        listInView().querySelector("[type=search]").focus();
      },
      o: () => {
        look = (look + 1) % looks.length;
        document.body.className = looks[look];
      },
    };
    if (onCard && current) {
      keys.ArrowRight = keys.j;
      keys.ArrowLeft = keys.k;
      keys.ArrowDown = () => step(perRow());
      keys.ArrowUp = () => step(-perRow());
    }
    if (document.activeElement.matches(".card")) {
      keys.Enter = () => {
        if (current.querySelector("button.crop")) enlarge(current);
        else current.querySelector("a")?.click();
      };
    }
    if (!(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  });
})();
