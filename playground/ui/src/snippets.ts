// Code that sends a message, in the languages that clients are written in. It needs no generated client.

import type { Contract, Operation } from './contract.ts';
import { pretty, withMember } from './jsontext.ts';

export type Language = 'TypeScript' | 'Go' | 'Python' | 'JSON';
export const languages: readonly Language[] = ['TypeScript', 'Go', 'Python', 'JSON'];

/** What a snippet is about: text is the frame on one line, and url has no token. */
export interface Sample {
  contract: Contract;
  operation: Operation;
  text: string;
  url: string;
}

const indent = (text: string, by: string) => text.replaceAll('\n', '\n' + by);

export function snippet(language: Language, s: Sample): string {
  switch (language) {
    case 'TypeScript':
      return typescript(s);
    case 'Go':
      return go(s);
    case 'Python':
      return python(s);
    case 'JSON':
      return framed(s);
  }
}

const longLine = 40;
const lines = (text: string) => (text.length > longLine ? pretty(text) : text);

const framed = (s: Sample) => (/"ref"\s*:/.test(s.text) ? s.text : withMember(s.text, 'ref', '1'));

/** What a client waits for: a final frame with its ref. */
const finals = (s: Sample) => {
  const answers = s.operation.replies.filter((r) => !r.library).map((r) => r.action);
  const last = s.operation.kind === 'request' ? answers : [];
  return [...last, 'complete', 'error'];
};

function typescript(s: Sample): string {
  const { discriminator, subprotocols } = s.contract;
  const protocols = subprotocols.length ? `, ${JSON.stringify(subprotocols)}` : '';
  return `const socket = new WebSocket(${JSON.stringify(s.url)}${protocols});

socket.onopen = () => {
  socket.send(JSON.stringify(${indent(lines(framed(s)), '  ')}));
};
socket.onmessage = ({ data }) => {
  const frame = JSON.parse(data);
  if (frame.ref !== "1") return; // not about this message
  console.log(frame[${JSON.stringify(discriminator)}], frame.payload);
  if (${JSON.stringify(finals(s))}.includes(frame[${JSON.stringify(discriminator)}])) socket.close(1000);
};
`;
}

const goRaw = (t: string) => (t.includes('`') ? JSON.stringify(t) : '`' + t + '`');

function go(s: Sample): string {
  const { subprotocols } = s.contract;
  const options = subprotocols.length ? `&websocket.DialOptions{Subprotocols: []string{${subprotocols.map((p) => JSON.stringify(p)).join(', ')}}}` : 'nil';
  return `// import "github.com/coder/websocket"
func call(ctx context.Context) error {
	c, _, err := websocket.Dial(ctx, ${JSON.stringify(s.url)}, ${options})
	if err != nil {
		return err
	}
	defer c.Close(websocket.StatusNormalClosure, "")
	message := ${goRaw(framed(s))}
	if err := c.Write(ctx, websocket.MessageText, []byte(message)); err != nil {
		return err
	}
	for {
		_, data, err := c.Read(ctx)
		if err != nil {
			return err
		}
		var frame struct {
			Action  string          \`json:${JSON.stringify(s.contract.discriminator)}\`
			Payload json.RawMessage \`json:"payload"\`
			Ref     string          \`json:"ref"\`
		}
		if err := json.Unmarshal(data, &frame); err != nil {
			return err
		}
		if frame.Ref != "1" {
			continue // not about this message
		}
		fmt.Println(frame.Action, string(frame.Payload))
		switch frame.Action {
		case ${finals(s).map((a) => JSON.stringify(a)).join(', ')}:
			return nil
		}
	}
}
`;
}

const pythonString = (t: string) => (t.includes("'''") || t.includes('\\') ? JSON.stringify(t) : "'''" + t + "'''");

function python(s: Sample): string {
  const { discriminator, subprotocols } = s.contract;
  const protocols = subprotocols.length ? `, subprotocols=${JSON.stringify(subprotocols)}` : '';
  return `import asyncio, json
from websockets.asyncio.client import connect

async def main():
    async with connect(${JSON.stringify(s.url)}${protocols}) as socket:
        await socket.send(${pythonString(framed(s))})
        async for data in socket:
            frame = json.loads(data)
            if frame.get("ref") != "1":
                continue  # not about this message
            print(frame[${JSON.stringify(discriminator)}], frame.get("payload"))
            if frame[${JSON.stringify(discriminator)}] in ${JSON.stringify(finals(s))}:
                break

asyncio.run(main())
`;
}
