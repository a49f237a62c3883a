// The page in Vue, as far as one that is reloaded in mid-answer needs it.
import { useChat } from "@ai-sdk/vue";
import { DefaultChatTransport } from "ai-newest";
import { createApp, h, onMounted, ref, watch } from "vue";

const { api, key, chat } = Object.fromEntries(new URLSearchParams(location.search));

function setup() {
  const { messages, status, error, sendMessage, resumeStream } = useChat({
    id: chat,
    messages: JSON.parse(sessionStorage.getItem(chat) ?? "[]"),
    transport: new DefaultChatTransport({ api, headers: { Authorization: `Bearer ${key}` } }),
  });
  const input = ref("");
  watch(messages, (all) => sessionStorage.setItem(chat, JSON.stringify(all)), { deep: true });
  onMounted(() => resumeStream());
  const onInput = (event) => (input.value = event.target.value);
  const onSubmit = (event) => {
    event.preventDefault();
    sendMessage({ text: input.value });
    input.value = "";
  };
  return () =>
    h("main", { "data-status": status.value }, [
      messages.value.map(({ id, role, parts }) => h("article", { key: id, class: role }, parts.map(shown))),
      error.value && h("p", { class: "error" }, error.value.message),
      h("form", { onSubmit }, h("input", { value: input.value, onInput })),
    ]);
}

function shown({ type, text, input, output }) {
  if (type === "text") return h("p", text);
  if (!type.startsWith("tool-")) return null;
  return h("div", `${type.slice("tool-".length)} ${JSON.stringify(input)} → ${JSON.stringify(output)}`);
}

createApp({ setup }).mount("#root");
