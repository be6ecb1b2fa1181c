/** How a field's value is written (https://protobuf.dev/programming-guides/encoding). */
const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

const FIRST_SIZE = 2 ** 16;

/**
 * Writes a message of Protocol Buffers from its end to its start: what is written last comes first. So the length of a part, which stands
 * before it, is known when it is written, and nothing is copied.
 */
export interface MessageWriter {
	integer(field: number, value: number | bigint): void;
	float(field: number, value: number): void;
	text(field: number, value: string): void;
	bytes(field: number, value: Uint8Array): void;
	/** A message within the message, which `write` writes. */
	message(field: number, write: () => void): void;
	/** All that was written. */
	finish(): Uint8Array;
}

export function messageWriter(): MessageWriter {
	let buffer = new Uint8Array(FIRST_SIZE);
	/** Where what is written begins. */
	let at = buffer.length;

	/** Makes room for so many bytes before what is written, and goes to their start. */
	function before(count: number): void {
		if (count > at) {
			const written = buffer.subarray(at);
			const larger = new Uint8Array(2 * (written.length + count));
			at = larger.length - written.length;
			larger.set(written, at);
			buffer = larger;
		}
		at -= count;
	}

	/** Seven bits a byte, the lowest first; all but the last have the eighth bit set. */
	function varint(value: number): void {
		let count = 1;
		for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) count++;
		before(count);
		let rest = value;
		for (let n = 0; n < count - 1; n++, rest = Math.floor(rest / 128))
			buffer[at + n] = (rest % 128) | 0x80;
		buffer[at + count - 1] = rest;
	}

	/** Of 64 bits, as two's complement. */
	function longVarint(value: bigint): void {
		const unsigned = BigInt.asUintN(64, value);
		if (unsigned <= BigInt(Number.MAX_SAFE_INTEGER)) {
			varint(Number(unsigned));
			return;
		}
		const groups: number[] = [];
		for (let rest = unsigned; rest > 0n; rest >>= 7n)
			groups.push(Number(rest & 0x7fn) | 0x80);
		groups[groups.length - 1] &= 0x7f;
		before(groups.length);
		buffer.set(groups, at);
	}

	const key = (field: number, wire: number) => varint((field << 3) | wire);
	const delimited = (field: number, length: number) => {
		varint(length);
		key(field, LENGTH_DELIMITED);
	};

	function bytes(field: number, value: Uint8Array): void {
		before(value.length);
		buffer.set(value, at);
		delimited(field, value.length);
	}

	return {
		integer(field, value) {
			if (typeof value === "bigint") longVarint(value);
			else varint(value);
			key(field, VARINT);
		},
		float(field, value) {
			before(4);
			new DataView(buffer.buffer).setFloat32(at, value, true);
			key(field, FIXED_32);
		},
		text(field, value) {
			const { length } = value;
			before(length);
			for (let n = 0; n < length; n++) {
				const code = value.charCodeAt(n);
				if (code > 0x7f) {
					at += length;
					bytes(field, encoder.encode(value));
					return;
				}
				buffer[at + n] = code;
			}
			delimited(field, length);
		},
		bytes,
		message(field, write) {
			// counted from the end, which stays where it is
			const behind = buffer.length - at;
			write();
			delimited(field, buffer.length - at - behind);
		},
		finish: () => buffer.subarray(at),
	};
}

const encoder = new TextEncoder();
