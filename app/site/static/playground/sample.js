// Puts the widget's line into the sample page, with the key that was given to the playground in this tab.
const key = sessionStorage.getItem("key widget");

if (key) {
  const script = document.createElement("script");
  Object.assign(script.dataset, { apiKey: key, open: "", suggestions: sessionStorage.getItem("questions") ?? "" });
  script.src = "/widget.js";
  document.body.append(script);
  document.getElementById("place").hidden = true;
}
