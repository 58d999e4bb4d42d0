// Sorting by the headings of tables, with mouse and keyboard; copying signatures.

// By a column's numbers or texts; rows without a value last, in either direction.
function sortTable(table, column, ascending) {
  const body = table.tBodies[0];
  const numbers = table.tHead.rows[0].cells[column].dataset.kind !== "text";
  const sign = ascending ? 1 : -1;
  const keyed = Array.from(body.rows, (row) => {
    const cell = row.cells[column];
    const text = cell.dataset.value ?? cell.textContent.trim();
    return { row, missing: text === "", key: numbers ? Number(text) : text };
  });
  keyed.sort((a, b) => {
    if (a.missing || b.missing) return a.missing - b.missing;
    return sign * (numbers ? a.key - b.key : a.key.localeCompare(b.key, undefined, { numeric: true }));
  });
  body.append(...keyed.map((k) => k.row));
  Array.from(table.tHead.rows[0].cells, (th, i) => {
    if (i === column) th.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    else th.removeAttribute("aria-sort");
  });
}

function makeSortable(table) {
  Array.from(table.tHead.rows[0].cells, (th, column) => {
    if (!th.dataset.kind) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.textContent = th.textContent;
    th.replaceChildren(button);
    button.addEventListener("click", () => sortTable(table, column, th.getAttribute("aria-sort") !== "ascending"));
  });
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch (error) { // not allowed from a file in some browsers
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) throw error;
  }
}

function setUpTables() {
  document.querySelectorAll("table.sortable").forEach(makeSortable);
  document.querySelectorAll("button.copy").forEach((button) => {
    button.addEventListener("click", () => {
      const said = (text) => { button.textContent = text; $("copied").textContent = text; };
      copy(button.previousElementSibling.textContent).then(() => said("Copied"), () => said("Can't copy"));
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
  });
}
