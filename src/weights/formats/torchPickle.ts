import { UserError } from "../../errors/userError.js";
import {
	allowedGlobals,
	isKind,
	type PickleValue,
	reduced,
	storageOf,
} from "./torchPickleValues.js";

/**
 * Instructions of one pickle. A state dict has about thirty a tensor; each may make a list or dict, which takes a hundred times the memory
 * of its byte in the file, or of a thousandth of it where the file is compressed.
 */
const maxInstructions = 2 ** 20;

/** Thrown where the bytes end inside a pickle: more of the file may complete it. */
export class PickleEnd extends Error {}

/**
 * Reads one pickle (protocols 0's GLOBAL and 2 to 4) as far as `torch.save` of a state dict uses the format. Nothing is
 * executed: a pickle is a program, and this knows only the instructions that build dicts, lists, tuples, numbers and
 * strings, and four names beside torch's storage types, for each of which it makes plain data.
 * @returns the value and where the next byte after the pickle is.
 * @throws PickleEnd when the bytes end first
 * @throws UserError for any other instruction or name.
 */
export function readTorchPickle(
	bytes: Uint8Array,
	start: number,
	label: string,
): { value: PickleValue; end: number } {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const refuse = (reason: string): never => {
		throw new UserError(
			`${label} is no plain state dict: ${reason} (save it again with torch.save(model.state_dict(), …) or as safetensors)`,
		);
	};
	let at = start;
	const take = (count: number): number => {
		if (count > bytes.length - at) throw new PickleEnd();
		at += count;
		return at - count;
	};
	const u8 = () => bytes[take(1)];
	const u16 = () => view.getUint16(take(2), true);
	const i32 = () => view.getInt32(take(4), true);
	const u32 = () => view.getUint32(take(4), true);
	const text = (length: number) => {
		const from = take(length);
		return new TextDecoder().decode(bytes.subarray(from, from + length));
	};
	const line = () => {
		const end = bytes.indexOf(10, at);
		if (end < 0) {
			if (bytes.length - at > 1024) refuse("a name is too long");
			throw new PickleEnd();
		}
		const words = text(end - at);
		at++;
		return words;
	};
	const long = (length: number): number | bigint => {
		if (length > 16) refuse("a number is too long");
		let value = 0n;
		const from = take(length);
		for (let i = length - 1; i >= 0; i--)
			value = (value << 8n) | BigInt(bytes[from + i]);
		const signed = BigInt.asIntN(8 * length, value);
		const number = Number(signed);
		return Number.isSafeInteger(number) ? number : signed;
	};

	const stack: PickleValue[] = [];
	const marks: number[] = [];
	const memo = new Map<number, PickleValue>();
	const pop = (): PickleValue => {
		if (stack.length <= (marks.at(-1) ?? 0)) return refuse("it is damaged");
		return stack.pop() as PickleValue;
	};
	const top = (): PickleValue => {
		if (stack.length <= (marks.at(-1) ?? 0)) return refuse("it is damaged");
		return stack[stack.length - 1];
	};
	const popMark = (): PickleValue[] => {
		const mark = marks.pop();
		if (mark === undefined) return refuse("it is damaged");
		return stack.splice(mark);
	};
	const tuple = (items: PickleValue[]) => {
		stack.push({ kind: "tuple", items });
	};
	const global = (module: string, name: string) => {
		const full = `${module}.${name}`;
		if (!allowedGlobals.has(full))
			refuse(`it asks for ${full.slice(0, 80)}, which is not executed here`);
		stack.push({ kind: "global", name: full });
	};
	const remembered = (key: number) => {
		const value = memo.get(key);
		if (value === undefined) refuse("it is damaged");
		else stack.push(value);
	};
	const setItems = (items: PickleValue[]) => {
		const target = top();
		if (!isKind(target, "dict") || items.length % 2 !== 0)
			return refuse("it is damaged");
		for (let i = 0; i < items.length; i += 2)
			target.entries.push([items[i], items[i + 1]]);
	};
	const append = (items: PickleValue[]) => {
		const target = top();
		if (!isKind(target, "list")) return refuse("it is damaged");
		for (const item of items) target.items.push(item);
	};

	for (let instructions = 1; ; instructions++) {
		if (instructions > maxInstructions) refuse("it has too many parts");
		const opcode = u8();
		switch (opcode) {
			case 0x80: {
				const protocol = u8();
				if (protocol < 2 || protocol > 5)
					refuse(`its pickle protocol is ${protocol}`);
				break;
			}
			case 0x95: // FRAME
				take(8);
				break;
			case 0x2e: {
				const value = pop();
				if (stack.length > 0 || marks.length > 0) refuse("it is damaged");
				return { value, end: at };
			}
			case 0x28: // MARK
				marks.push(stack.length);
				break;
			case 0x7d:
				stack.push({ kind: "dict", entries: [] });
				break;
			case 0x5d:
				stack.push({ kind: "list", items: [] });
				break;
			case 0x29:
				tuple([]);
				break;
			case 0x74:
				tuple(popMark());
				break;
			case 0x85:
			case 0x86:
			case 0x87: {
				const items: PickleValue[] = [];
				for (let i = 0x84; i < opcode; i++) items.unshift(pop());
				tuple(items);
				break;
			}
			case 0x4e:
				stack.push(null);
				break;
			case 0x88:
			case 0x89:
				stack.push(opcode === 0x88);
				break;
			case 0x4a:
				stack.push(i32());
				break;
			case 0x4b:
				stack.push(u8());
				break;
			case 0x4d:
				stack.push(u16());
				break;
			case 0x47:
				stack.push(view.getFloat64(take(8), false));
				break;
			case 0x8a:
				stack.push(long(u8()));
				break;
			case 0x58: // BINUNICODE
			case 0x54: // BINSTRING
				stack.push(text(u32()));
				break;
			case 0x8c: // SHORT_BINUNICODE
			case 0x55: // SHORT_BINSTRING
				stack.push(text(u8()));
				break;
			case 0x63: {
				const module = line();
				global(module, line());
				break;
			}
			case 0x93: {
				const name = pop();
				const module = pop();
				if (typeof name !== "string" || typeof module !== "string")
					return refuse("it is damaged");
				global(module, name);
				break;
			}
			case 0x71:
				memo.set(u8(), top());
				break;
			case 0x72:
				memo.set(u32(), top());
				break;
			case 0x94:
				memo.set(memo.size, top());
				break;
			case 0x68:
				remembered(u8());
				break;
			case 0x6a:
				remembered(u32());
				break;
			case 0x73: {
				const value = pop();
				setItems([pop(), value]);
				break;
			}
			case 0x75:
				setItems(popMark());
				break;
			case 0x61:
				append([pop()]);
				break;
			case 0x65:
				append(popMark());
				break;
			case 0x51: // BINPERSID
				stack.push(storageOf(pop(), refuse));
				break;
			case 0x52: {
				const args = pop();
				const made = reduced(pop(), args);
				stack.push(made ?? refuse("it is damaged"));
				break;
			}
			case 0x62: {
				// A state dict's `_metadata` (versions of modules) is an attribute: of no use here.
				pop();
				if (!isKind(top(), "dict")) refuse("it is damaged");
				break;
			}
			default:
				refuse(
					`it holds instruction 0x${opcode.toString(16).padStart(2, "0")}`,
				);
		}
	}
}
