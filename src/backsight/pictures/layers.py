"""Where the boxes of a graph stand: in columns from left to right, after Sugiyama et al. 1981.

Columns first (a box stands to the right of all it depends on), then the order within each column
(fewer crossings), then the heights (straighter lines). Long lines bend around boxes at places kept
free for them. Everything is deterministic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

SWEEPS = 12  # passes over the columns that look for fewer crossings
STRAIGHTENINGS = 16  # passes that look for straighter lines
BEND = 14.0  # height kept free where a long line passes a column


@dataclass(frozen=True, slots=True)
class Placed:
    """A layout: the centre of each box, and the points of each line from box to box.

    `backward` are the lines that point to the left, against the columns: those of a loop.
    """

    centres: tuple[tuple[float, float], ...]
    lines: tuple[tuple[tuple[float, float], ...], ...]
    backward: frozenset[int]
    width: float
    height: float


@dataclass
class _Columns:
    """The columns while they are worked on: boxes by number, bends numbered after them."""

    column: list[int]
    heights: list[float]
    left: list[list[int]]
    right: list[list[int]]
    order: list[list[int]] = field(default_factory=list)
    y: list[float] = field(default_factory=list)


def layered(
    sizes: Sequence[tuple[float, float]],
    edges: Sequence[tuple[int, int]],
    *,
    gap: float = 28.0,
    spaces: Sequence[float] | None = None,
) -> Placed:
    """Place boxes of given (width, height), joined by edges (from, to) in order of computation.

    `gap` is the least distance of two boxes of a column, `spaces` the room that the labels of each
    edge need between columns.
    """
    count = len(sizes)
    if not count:
        return Placed((), (), frozenset(), 0.0, 0.0)
    backward = frozenset(i for i, (a, b) in enumerate(edges) if a >= b)
    forward = [edge for i, edge in enumerate(edges) if i not in backward]
    column = columns_of(count, forward)
    work, chains = with_bends(sizes, column, edges, backward)
    order_columns(work)
    straighten(work, gap)
    x, widths = abscissas(work, sizes, edges, chains, backward, spaces)
    centres = tuple((x[column[i]], work.y[i]) for i in range(count))
    lines = []
    for number, (a, b) in enumerate(edges):
        if number in backward:
            lines.append(around(centres, sizes, a, b))
            continue
        points = [(centres[a][0] + sizes[a][0] / 2, centres[a][1])]
        for bend in chains[number]:
            at, half = x[work.column[bend]], widths[work.column[bend]] / 2
            points += [(at - half, work.y[bend]), (at + half, work.y[bend])]
        points.append((centres[b][0] - sizes[b][0] / 2, centres[b][1]))
        lines.append(tuple(points))
    return shifted(centres, tuple(lines), backward, sizes)


def columns_of(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Return the column of each box: right of all its sources, and sources as near as they can."""
    after: list[list[int]] = [[] for _ in range(count)]
    before: list[list[int]] = [[] for _ in range(count)]
    for a, b in edges:
        after[a].append(b)
        before[b].append(a)
    column = [0] * count
    for node in range(count):  # numbers are in order of computation
        column[node] = max((column[a] + 1 for a in before[node]), default=0)
    for node in reversed(range(count)):
        if after[node] and not before[node]:
            column[node] = min(column[b] for b in after[node]) - 1
    return column


def with_bends(
    sizes: Sequence[tuple[float, float]],
    column: Sequence[int],
    edges: Sequence[tuple[int, int]],
    backward: frozenset[int],
) -> tuple[_Columns, list[list[int]]]:
    """Add a bend to each column that a line passes; return the columns, and each line's bends."""
    work = _Columns(
        list(column),
        [height for _, height in sizes],
        [[] for _ in column],
        [[] for _ in column],
    )
    chains: list[list[int]] = []
    for number, (a, b) in enumerate(edges):
        chains.append([])
        if number in backward:
            continue
        last = a
        for at in range(column[a] + 1, column[b]):
            bend = len(work.column)
            work.column.append(at)
            work.heights.append(BEND)
            work.left.append([last])
            work.right.append([])
            work.right[last].append(bend)
            chains[-1].append(bend)
            last = bend
        work.right[last].append(b)
        work.left[b].append(last)
    work.order = [[] for _ in range(max(work.column) + 1)]
    return work, chains


def order_columns(work: _Columns) -> None:
    """Order each column so that few lines cross; the best order that was seen is kept."""
    seen = [False] * len(work.column)
    for start in sorted(range(len(work.column)), key=lambda node: (work.column[node], node)):
        stack = [start]
        while stack:  # depth first, so that what belongs together begins together
            node = stack.pop()
            if not seen[node]:
                seen[node] = True
                work.order[work.column[node]].append(node)
                stack.extend(reversed(work.right[node]))
    best, fewest = [list(each) for each in work.order], crossings(work)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        rightward = sweep % 2 == 0
        columns = range(1, len(work.order)) if rightward else range(len(work.order) - 2, -1, -1)
        for at in columns:
            sort_column(work, at, rightward)
        found = crossings(work)
        if found < fewest:
            best, fewest = [list(each) for each in work.order], found
    work.order = best


def sort_column(work: _Columns, at: int, rightward: bool) -> None:
    """Sort one column by the mean place of each box's neighbours in the column before."""
    other = work.order[at - 1 if rightward else at + 1]
    place = {node: i for i, node in enumerate(other)}
    joined = work.left if rightward else work.right

    def middle(item: tuple[int, int]) -> tuple[float, int]:
        own, node = item
        near = [place[each] for each in joined[node] if each in place]
        return (sum(near) / len(near) if near else float(own), own)

    work.order[at] = [node for _, node in sorted(enumerate(work.order[at]), key=middle)]


def crossings(work: _Columns) -> int:
    """Count the crossings of all lines between neighbouring columns."""
    total = 0
    for left, right in zip(work.order, work.order[1:], strict=False):
        place = {node: i for i, node in enumerate(right)}
        ends = [
            place[b]
            for a in left
            for b in sorted(work.right[a], key=lambda n: place.get(n, 0))
            if b in place
        ]
        total += inversions(ends, len(right))
    return total


def inversions(ends: Sequence[int], size: int) -> int:
    """Count pairs in the wrong order, by a Fenwick tree."""
    tree, total = [0] * (size + 1), 0
    for seen, end in enumerate(ends):
        at, below = end + 1, 0
        while at:
            below += tree[at]
            at &= at - 1
        total += seen - below
        at = end + 1
        while at <= size:
            tree[at] += 1
            at += at & -at
    return total


def straighten(work: _Columns, gap: float) -> None:
    """Give each box a height near those of its neighbours; a column keeps its distances."""
    work.y = [0.0] * len(work.column)
    for column in work.order:
        at = 0.0
        for node in column:
            at += work.heights[node] / 2
            work.y[node] = at
            at += work.heights[node] / 2 + gap
    for turn in range(STRAIGHTENINGS):
        columns = work.order if turn % 2 == 0 else work.order[::-1]
        for column in columns:
            wished = []
            for node in column:
                near = [*work.left[node], *work.right[node]]
                if turn < STRAIGHTENINGS - 4:  # look one way first, so that shifts travel
                    near = (work.left if turn % 2 == 0 else work.right)[node] or near
                heights = sorted(work.y[each] for each in near)
                middle = len(heights) // 2
                wished.append(
                    work.y[node]
                    if not heights
                    else heights[middle]
                    if len(heights) % 2
                    else (heights[middle - 1] + heights[middle]) / 2
                )
            for node, y in zip(column, spaced(column, wished, work.heights, gap), strict=True):
                work.y[node] = y


def spaced(
    column: Sequence[int], wished: Sequence[float], heights: Sequence[float], gap: float
) -> list[float]:
    """Return heights as near the wished ones as order and distance allow, in least squares.

    Boxes that would overlap form a block that stands at the mean of what its boxes wish.
    """
    offsets, at = [], 0.0
    for i, node in enumerate(column):
        if i:
            at += heights[column[i - 1]] / 2 + gap + heights[node] / 2
        offsets.append(at)
    blocks: list[tuple[float, int]] = []  # mean wish less offset, and how many boxes
    for wish, offset in zip(wished, offsets, strict=True):
        mean, size = wish - offset, 1
        while blocks and blocks[-1][0] > mean:
            other, many = blocks.pop()
            mean, size = (mean * size + other * many) / (size + many), size + many
        blocks.append((mean, size))
    starts = [mean for mean, size in blocks for _ in range(size)]
    return [start + offset for start, offset in zip(starts, offsets, strict=True)]


def abscissas(
    work: _Columns,
    sizes: Sequence[tuple[float, float]],
    edges: Sequence[tuple[int, int]],
    chains: Sequence[Sequence[int]],
    backward: frozenset[int],
    spaces: Sequence[float] | None,
) -> tuple[list[float], list[float]]:
    """Return the middle and the width of each column; labels stand at the end of a line."""
    count = len(work.order)
    widths = [0.0] * count
    for node, (width, _) in enumerate(sizes):
        widths[work.column[node]] = max(widths[work.column[node]], width)
    rooms = [40.0] * count  # before each column
    for number, (_, b) in enumerate(edges):
        if number not in backward and spaces is not None:
            rooms[work.column[b]] = max(rooms[work.column[b]], spaces[number])
    x, at = [], 0.0
    for column in range(count):
        at += (rooms[column] if column else 0.0) + widths[column] / 2
        x.append(at)
        at += widths[column] / 2
    return x, widths


def around(
    centres: Sequence[tuple[float, float]], sizes: Sequence[tuple[float, float]], a: int, b: int
) -> tuple[tuple[float, float], ...]:
    """Return the points of a line that leads back: out to the right, below, in from the left."""
    (ax, ay), (bx, by) = centres[a], centres[b]
    below = max(ay + sizes[a][1] / 2, by + sizes[b][1] / 2) + 22.0
    out, into = ax + sizes[a][0] / 2, bx - sizes[b][0] / 2
    return (
        (out, ay),
        (out + 16.0, ay),
        (out + 16.0, below),
        (into - 16.0, below),
        (into - 16.0, by),
        (into, by),
    )


def shifted(
    centres: tuple[tuple[float, float], ...],
    lines: tuple[tuple[tuple[float, float], ...], ...],
    backward: frozenset[int],
    sizes: Sequence[tuple[float, float]],
) -> Placed:
    """Move everything so that it begins at 0, 0; tell how large it is."""
    xs = [
        x + side * w / 2 for (x, _), (w, _) in zip(centres, sizes, strict=True) for side in (-1, 1)
    ]
    ys = [
        y + side * h / 2 for (_, y), (_, h) in zip(centres, sizes, strict=True) for side in (-1, 1)
    ]
    xs += [x for line in lines for x, _ in line]
    ys += [y for line in lines for _, y in line]
    left, top = min(xs), min(ys)
    return Placed(
        tuple((x - left, y - top) for x, y in centres),
        tuple(tuple((x - left, y - top) for x, y in line) for line in lines),
        backward,
        max(xs) - left,
        max(ys) - top,
    )
