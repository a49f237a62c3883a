// A chat page as its author would write it: useChat with nothing but `api` and an Authorization header, which come in
// the page's address, as may the transport's `credentials`, the name of a `chat`, which is kept over a reload, and, with
// any value, `resume`. It runs one tool of the agent itself.
import { useChat } from "@ai-sdk/react";
import { DefaultChatTransport, lastAssistantMessageIsCompleteWithToolCalls } from "ai";
import { useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

const { api, key, credentials, resume, chat } = Object.fromEntries(new URLSearchParams(location.search));
const kept = chat && { id: chat, messages: JSON.parse(sessionStorage.getItem(chat) ?? "[]") };

function Page() {
  const { messages, sendMessage, regenerate, stop, status, error, addToolOutput } = useChat({
    ...kept,
    resume: Boolean(resume),
    transport: new DefaultChatTransport({ api, credentials, headers: { Authorization: `Bearer ${key}` } }),
    sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithToolCalls,
  });
  useEffect(() => {
    if (chat) sessionStorage.setItem(chat, JSON.stringify(messages));
  }, [messages]);
  const [input, setInput] = useState("");
  const confirm = (toolCallId, output) => addToolOutput({ tool: "confirm", toolCallId, output });
  return (
    <main data-status={status}>
      {messages.map((message) => (
        <article key={message.id} className={message.role}>
          {message.parts.map((part, index) => (
            <Part key={index} part={part} confirm={confirm} />
          ))}
        </article>
      ))}
      {error && <p className="error">{error.message}</p>}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          sendMessage({ text: input });
          setInput("");
        }}
      >
        <input value={input} onChange={(event) => setInput(event.target.value)} placeholder="Ask something" autoFocus />
        {status === "submitted" || status === "streaming" ? (
          <button type="button" id="stop" onClick={stop}>Stop</button>
        ) : (
          <button type="button" id="again" onClick={() => regenerate()}>Again</button>
        )}
      </form>
    </main>
  );
}

function Part({ part, confirm }) {
  if (part.type === "text") return <p className="text">{part.text}</p>;
  if (part.type === "reasoning") return <p className="reasoning">{part.text}</p>;
  if (part.type === "source-document") return <p className="source">Source: {part.filename}, {part.title}</p>;
  if (!part.type.startsWith("tool-")) return null;
  return (
    <div className="tool" data-state={part.state}>
      {part.type.slice("tool-".length)} {JSON.stringify(part.input)}
      {part.state === "output-available" && <> → {JSON.stringify(part.output)}</>}
      {part.type === "tool-confirm" && part.state === "input-available" && (
        <button id="yes" onClick={() => confirm(part.toolCallId, "yes")}>Yes</button>
      )}
    </div>
  );
}

createRoot(document.getElementById("root")).render(<Page />);
