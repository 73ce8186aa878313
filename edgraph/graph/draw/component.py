"""The coordinates of a connected part: sizes, columns, rows, ends of edges, and the ways of edges."""

from __future__ import annotations

from edgraph.graph.draw.coordinates import place
from edgraph.graph.draw.drawing import Edge, Node
from edgraph.graph.draw.places import Box, Layout, Point, Route
from edgraph.graph.draw.ports import Ports, spread
from edgraph.graph.draw.sizes import PAD_X, PAD_Y, content
from edgraph.graph.draw.structure import Structure, Trunk

BODY = 8.0  # between the texts of a loop and its body
GAP = 30.0  # between neighbouring nodes of a layer
BESIDE = 24.0  # room for an edge from a node to itself
LABEL = 13.0  # height that labels take, beside straight ends of edges


class Component:
    """One connected part on its way to a layout. Edges are numbers; a port is a list of them."""

    def __init__(self, nodes: list[Node], edges: list[Edge], bodies: list[Layout | None]) -> None:
        """`bodies`: the layouts of the nodes that are loops."""
        self.nodes = nodes
        self.bodies = bodies
        self.edges = [edge for edge in edges if edge.source != edge.target]
        self.structure = Structure(nodes, self.edges)
        self.contents = [content(node) for node in nodes]
        number = {node.name: index for index, node in enumerate(nodes)}
        self.loops = {number[edge.source]: edge for edge in edges if edge.source == edge.target}

    def layout(self) -> Layout:
        """The layout of the part."""
        self._make_ports()
        self._place_columns()
        self._place_rows()
        self._straighten()
        boxes = [self._box(index) for index in range(len(self.nodes))]
        routes = [self._route(index) for index in range(len(self.edges))]
        routes += [_self_loop(edge, boxes[node]) for node, edge in self.loops.items()]
        xs = [x for box in boxes for x in (box.x, box.x + box.width)]
        xs += [x for route in routes for x, _ in route.points]
        left = min(xs)
        return Layout(max(xs) - left, max(box.y + box.height for box in boxes),
                      tuple(box.moved(-left, 0.0) for box in boxes),
                      tuple(route.moved(-left, 0.0) for route in routes))

    def _make_ports(self) -> None:
        """Ends of edges at each node, from left to right as the edges come: one port for each edge at the
        top, one for each trunk at the bottom."""
        shape = self.structure
        position = {vertex: index for layer in shape.layers for index, vertex in enumerate(layer)}
        self.tops: list[list[list[int]]] = [[] for _ in self.nodes]
        self.bottoms: list[list[list[int]]] = [[] for _ in self.nodes]
        for edge in sorted(range(len(self.edges)), key=lambda e: (position[shape.chains[e][-2]], e)):
            self.tops[shape.chains[edge][-1]].append([edge])
        trunks: dict[Trunk, list[int]] = {}
        for edge in sorted(range(len(self.edges)), key=lambda e: (position[shape.chains[e][1]], e)):
            if shape.trunks[edge] not in trunks:
                trunks[shape.trunks[edge]] = []
                self.bottoms[shape.chains[edge][0]].append(trunks[shape.trunks[edge]])
            trunks[shape.trunks[edge]].append(edge)
        self.top_ports = [spread([self._label(port, False) for port in ports]) for ports in self.tops]
        self.bottom_ports = [spread([self._label(port, True) for port in ports]) for ports in self.bottoms]

    def _label(self, port: list[int], turned: bool) -> str:
        """Labels stand at the heads of edges."""
        return self.edges[port[0]].label if self.structure.turned[port[0]] == turned else ""

    def _place_columns(self) -> None:
        """Widths of nodes, and the x of each vertex."""
        shape = self.structure
        self.widths: list[float] = []
        room = [0.0] * len(shape.layer)  # to either side of a vertex
        for node, body in enumerate(self.bodies):
            inner = max(self.contents[node].width, 0.0 if body is None else body.width)
            ports = self.top_ports[node], self.bottom_ports[node]
            self.widths.append(max(64.0, inner + 2 * PAD_X, *(side.width for side in ports)))
            room[node] = max(self.widths[node] / 2, *(side.overhang - GAP / 2 for side in ports))
            room[node] += BESIDE if node in self.loops else 0.0

        def separation(a: int, b: int) -> float:
            bends = shape.is_bend(a) + shape.is_bend(b)
            return room[a] + room[b] + (GAP, 18.0, 14.0)[bends]

        self.x = place(shape.layers, shape.up, shape.down, shape.is_bend, separation)

    def _place_rows(self) -> None:
        """Heights of nodes, and for each layer its top and bottom; `above` and `below` are where curves end
        and begin, which leaves room for labels between them and the nodes."""
        shape = self.structure
        self.heights = [texts.height + 2 * PAD_Y + (0.0 if body is None else body.height + BODY + PAD_Y)
                        for texts, body in zip(self.contents, self.bodies, strict=True)]
        labels_above, labels_below = [0.0] * len(shape.layers), [0.0] * len(shape.layers)
        for edge, turned, chain in zip(self.edges, shape.turned, shape.chains, strict=True):
            if edge.label and turned:
                labels_below[shape.layer[chain[0]]] = LABEL
            elif edge.label:
                labels_above[shape.layer[chain[-1]]] = LABEL
        self.above: list[float] = []
        self.top: list[float] = []
        self.bottom: list[float] = []
        self.below: list[float] = []
        y = 0.0
        for index, layer in enumerate(shape.layers):
            self.above.append(y)
            self.top.append(y + labels_above[index])
            height = max(self.heights[vertex] for vertex in layer if not shape.is_bend(vertex))
            self.bottom.append(self.top[index] + height)
            self.below.append(self.bottom[index] + labels_below[index])
            far = max((abs(self.x[v] - self.x[w]) for v in layer for w in shape.down[v]), default=0.0)
            y = self.below[index] + 36.0 + min(36.0, 0.1 * far)

    # -- ends of edges --------------------------------------------------------------------------

    def _straighten(self) -> None:
        """Ports move a little where that makes an edge straight, those at the bottom first. `starts` and
        `stops`: x of the upper and the lower end of each edge."""
        self.stops = self._ends(self.tops, self.top_ports)
        self._move_ports(self.bottoms, self.bottom_ports, 1, self.stops)
        self.starts = self._ends(self.bottoms, self.bottom_ports)
        self._move_ports(self.tops, self.top_ports, -2, self.starts)
        self.stops = self._ends(self.tops, self.top_ports)

    def _ends(self, sides: list[list[list[int]]], ports: list[Ports]) -> dict[int, float]:
        return {edge: self.x[node] + offset for node, side in enumerate(sides)
                for port, offset in zip(side, ports[node].offsets, strict=True) for edge in port}

    def _move_ports(self, sides: list[list[list[int]]], ports: list[Ports], neighbour: int,
                    ends: dict[int, float]) -> None:
        """Towards the next vertex of the chain: a bend, or the end of the edge at the other node."""
        for node, side in enumerate(sides):
            wanted = []
            for edge, *_ in side:
                vertex = self.structure.chains[edge][neighbour]
                x = self.x[vertex] if self.structure.is_bend(vertex) else ends[edge]
                wanted.append(x - self.x[node])
            ports[node].straighten(wanted, self.widths[node] / 2)

    # -- the result -----------------------------------------------------------------------------

    def _box(self, index: int) -> Box:
        width, height = self.widths[index], self.heights[index]
        x, y = self.x[index] - width / 2, self._middle(index) - height / 2
        body, texts = self.bodies[index], self.contents[index]
        if body is None:
            return Box(self.nodes[index], texts, x, y, width, height)
        return Box(self.nodes[index], texts, x, y, width, height, body, x + (width - body.width) / 2,
                   y + PAD_Y + texts.height + BODY)

    def _middle(self, node: int) -> float:
        layer = self.structure.layer[node]
        return (self.top[layer] + self.bottom[layer]) / 2

    def _route(self, index: int) -> Route:
        """From the bottom of the upper node, straight through each layer, to the top of the lower node."""
        upper, *bends, lower = self.structure.chains[index]
        layer = self.structure.layer
        start, stop = self.starts[index], self.stops[index]
        points: list[Point] = [(start, self._middle(upper) + self.heights[upper] / 2),
                               (start, self.below[layer[upper]])]
        for bend in bends:
            x = self.x[bend]
            points += [(x, self.above[layer[bend]]), (x, self.below[layer[bend]])]
        points += [(stop, self.above[layer[lower]]), (stop, self._middle(lower) - self.heights[lower] / 2)]
        turned = self.structure.turned[index]
        if turned:
            points.reverse()
        x, y = points[-1]
        label = (x + 5, y + 15 if turned else y - 9) if self.edges[index].label else None
        return Route(self.edges[index], tuple(points), turned, label)


def _self_loop(edge: Edge, box: Box) -> Route:
    right, middle, reach = box.x + box.width, box.y + box.height / 2, min(11.0, box.height / 4)
    upper, lower = middle - reach, middle + reach
    return Route(edge, ((right, lower), (right + BESIDE, lower), (right + BESIDE, upper), (right, upper)),
                 beside=True)
