"use strict";
(() => {
  const table = document.getElementById("cells");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const filters = [...document.querySelectorAll(".filters [data-filter]")];
  const count = document.getElementById("count");

  const keeps = (row) => filters.every((field) => {
    const wanted = field.value.trim().toLowerCase();
    if (!wanted) return true;
    const have = row.dataset;
    switch (field.dataset.filter) {
      case "text": return row.textContent.toLowerCase().includes(wanted);
      case "failed": return wanted === "failed"
        ? !["solved", "not-applicable"].includes(have.verdict) : have.verdict === wanted;
      case "least": return Number(have.n) >= Number(wanted);
      case "most": return Number(have.n) <= Number(wanted);
      case "class": return have.class.toLowerCase().startsWith(wanted);
      default: return have[field.dataset.filter].toLowerCase() === wanted;
    }
  });

  const filter = () => {
    let shown = 0;
    for (const row of rows) {
      row.hidden = !keeps(row);
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = `${shown} of ${rows.length} cells`;
  };

  const value = (row, column) => {
    const cell = row.cells[column];
    const key = cell.dataset.key;
    if (key === undefined) return cell.textContent.toLowerCase();
    return key === "" ? Infinity : Number(key);
  };

  const sort = (head, column) => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const keyed = rows.map((row, k) => [value(row, column), k, row]);
    keyed.sort((a, b) => {
      const order = a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0;
      return (up ? order : -order) || a[1] - b[1];
    });
    body.append(...keyed.map((entry) => entry[2]));
  };

  [...table.tHead.rows[0].cells].forEach((head, column) => {
    head.tabIndex = 0;
    head.addEventListener("click", () => sort(head, column));
    head.addEventListener("keydown", (event) => { if (event.key === "Enter") sort(head, column); });
  });
  filters.forEach((field) => field.addEventListener("input", filter));
  filter();
})();
