"use strict";
new EventSource("/events").addEventListener("status", (event) => {
  document.getElementById("status").textContent = event.data;
});
