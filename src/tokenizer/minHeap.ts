/** A priority queue of numbers, the smallest first. */
export interface MinHeap {
	push(value: number): void;
	/** Takes out the smallest; undefined when empty. */
	pop(): number | undefined;
}

/** An empty binary heap. */
export function minHeap(): MinHeap {
	const heap: number[] = [];
	return {
		push(value) {
			let at = heap.length;
			heap.push(value);
			while (at > 0) {
				const parent = (at - 1) >> 1;
				if (heap[parent] <= value) break;
				heap[at] = heap[parent];
				at = parent;
			}
			heap[at] = value;
		},
		pop() {
			const top = heap[0];
			const value = heap.pop();
			if (value === undefined || heap.length === 0) return value;
			let at = 0;
			for (;;) {
				let child = 2 * at + 1;
				if (child >= heap.length) break;
				if (child + 1 < heap.length && heap[child + 1] < heap[child]) child++;
				if (heap[child] >= value) break;
				heap[at] = heap[child];
				at = child;
			}
			heap[at] = value;
			return top;
		},
	};
}
