"""A brush that paints in units instead of pixels, and sprites: small smooth pictures that are painted once and kept.

Everything is a polygon, painted several times too large and scaled down, so every edge is smooth at every size. No
display is needed and none is opened.
"""

import functools
import math
from collections.abc import Callable, Iterable, Sequence

import pygame

Colour = tuple[int, int, int] | tuple[int, int, int, int]
"""Red, green, blue and, where it lets something shine through, alpha; each 0 to 255."""
Point = tuple[float, float]

#: Sprites are painted this many times too large, COARSE times above LARGE pixels, and always FINEST pixels or more.
FACTOR, COARSE, LARGE = 3, 2, 300
FINEST = 160
#: Below this height in pixels letters are no longer letters, and none are drawn.
SMALLEST_TEXT = 8


def blend(first: Colour, second: Colour, share: float) -> Colour:
    """The opaque colour between two: ``share`` 0 is the first, 1 the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first[:3], second[:3], strict=True))
    return (red, green, blue)


def faint(colour: Colour, alpha: int) -> Colour:
    """The colour with an alpha of 0 (unseen) to 255 (solid)."""
    return (colour[0], colour[1], colour[2], alpha)


class Brush:
    """Paints polygons on a surface in the units of its own frame: a place, a size in pixels and a turn in radians."""

    def __init__(self, surface: pygame.Surface, unit: float, origin: Point = (0.0, 0.0), turn: float = 0.0) -> None:
        self.surface = surface
        self.unit = unit
        self.origin = origin
        self.turn = turn

    def at(self, x: float, y: float, size: float = 1.0, turn: float = 0.0) -> "Brush":
        """A brush whose origin is at (x, y) of this one, whose unit is ``size`` of this one's, turned by ``turn``."""
        return Brush(self.surface, self.unit * size, self._pixel((x, y)), self.turn + turn)

    def _pixel(self, point: Point) -> Point:
        cos, sin = math.cos(self.turn) * self.unit, math.sin(self.turn) * self.unit
        x, y = point
        return self.origin[0] + cos * x - sin * y, self.origin[1] + sin * x + cos * y

    def shape(self, colour: Colour, points: Iterable[Point]) -> None:
        """A filled polygon."""
        pixels = [self._pixel(point) for point in points]
        if len(colour) == 3 or colour[3] == 255:
            pygame.draw.polygon(self.surface, colour, pixels)
            return
        left, top = (math.floor(min(pixel[axis] for pixel in pixels)) for axis in (0, 1))
        right, bottom = (math.ceil(max(pixel[axis] for pixel in pixels)) for axis in (0, 1))
        layer = pygame.Surface((right - left + 1, bottom - top + 1), pygame.SRCALPHA, 32)
        pygame.draw.polygon(layer, colour, [(x - left, y - top) for x, y in pixels])
        self.surface.blit(layer, (left, top))

    def oval(self, colour: Colour, x: float, y: float, rx: float, ry: float) -> None:
        """An ellipse with the radii rx and ry."""
        self.shape(colour, arc(x, y, rx, ry))

    def disc(self, colour: Colour, x: float, y: float, radius: float) -> None:
        """A filled circle."""
        self.shape(colour, arc(x, y, radius, radius))

    def ring(self, colour: Colour, x: float, y: float, radius: float, width: float) -> None:
        """A circle line whose outer edge has the radius."""
        inner = radius - width
        self.shape(colour, [*arc(x, y, radius, radius), *reversed(arc(x, y, inner, inner))])

    def box(self, colour: Colour, x: float, y: float, width: float, height: float, corner: float = 0.0) -> None:
        """A rectangle with its left top corner at (x, y) and corners rounded with the radius ``corner``."""
        self.shape(colour, rounded(x, y, width, height, corner))

    def stroke(self, colour: Colour, points: Sequence[Point], width: float, taper: bool = False) -> None:
        """A line through the points with round ends; with ``taper`` it thins out towards both of them."""
        last = len(points) - 1
        radii = [
            width / 2 * (0.15 + 0.85 * math.sin(math.pi * index / last) if taper else 1.0) for index in range(last + 1)
        ]
        self.shape(colour, _outline(points, radii))

    def shadow(
        self, x: float, y: float, rx: float, ry: float, strength: int = 90, colour: Colour = (40, 24, 16)
    ) -> None:
        """A soft ellipse, darkest (alpha ``strength``) in the middle."""
        layers = 7
        for layer in range(layers):
            grown = 1.0 - 0.09 * layer
            self.oval(faint(colour, max(1, strength // layers)), x, y, rx * grown, ry * grown)


def arc(x: float, y: float, rx: float, ry: float, start: float = 0.0, end: float = math.tau) -> list[Point]:
    """Points of an ellipse from one angle to another, in radians, clockwise on the screen from the right."""
    steps = max(6, round(56 * abs(end - start) / math.tau))
    angles = (start + (end - start) * step / steps for step in range(steps + 1))
    return [(x + rx * math.cos(angle), y + ry * math.sin(angle)) for angle in angles]


def rounded(x: float, y: float, width: float, height: float, corner: float) -> list[Point]:
    """The outline of a rectangle with round corners."""
    if corner <= 0:
        return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    left, right, top, bottom = x + corner, x + width - corner, y + corner, y + height - corner
    quarter = math.pi / 2
    centres = ((right, bottom), (left, bottom), (left, top), (right, top))
    corners = [arc(a, b, corner, corner, quarter * n, quarter * (n + 1)) for n, (a, b) in enumerate(centres)]
    return [point for part in corners for point in part]


def wobbly(radius: float, depth: float, phase: float) -> list[Point]:
    """The outline of something round made by hand, around the origin; ``depth`` is the wobble's height."""
    points = []
    for step in range(90):
        angle = math.tau * step / 90
        wave = math.sin(3 * angle + phase) + 0.6 * math.sin(7 * angle + 2.1 * phase) + 0.4 * math.sin(11 * angle)
        grown = radius + depth * wave / 2
        points.append((grown * math.cos(angle), grown * math.sin(angle)))
    return points


def _outline(points: Sequence[Point], radii: Sequence[float]) -> list[Point]:
    """The outline of a thick line: up one side, round the end, down the other side, round the start."""
    there: list[Point] = []
    back: list[Point] = []
    last = len(points) - 1
    for index, ((x, y), radius) in enumerate(zip(points, radii, strict=True)):
        before, after = points[max(0, index - 1)], points[min(last, index + 1)]
        angle = math.atan2(after[1] - before[1], after[0] - before[0])
        dx, dy = radius * math.sin(angle), -radius * math.cos(angle)
        there.append((x + dx, y + dy))
        back.append((x - dx, y - dy))
        if index in (0, last):
            turn = angle - math.pi / 2 if index == last else angle + math.pi / 2
            cap = arc(x, y, radius, radius, turn, turn + math.pi)
            there, back = ([*there, *cap], back) if index == last else ([*cap, *there], back)
    return [*there, *reversed(back)]


def sprite(size: tuple[int, int], unit: float, paint: Callable[[Brush], None]) -> pygame.Surface:
    """A smooth picture of ``size`` pixels, ``unit`` pixels to the painter's unit; put it down with :func:`stamp`."""
    width, height = max(1, size[0]), max(1, size[1])
    longer = max(width, height)
    factor = COARSE if longer > LARGE else max(FACTOR, math.ceil(FINEST / longer))
    large = pygame.Surface((width * factor, height * factor), pygame.SRCALPHA, 32)
    paint(Brush(large, unit * factor))
    return pygame.transform.smoothscale(large.premul_alpha(), (width, height))


def stamp(surface: pygame.Surface, picture: pygame.Surface, place: tuple[int, int]) -> None:
    """Put a sprite on a surface, its left top corner at ``place``."""
    surface.blit(picture, place, special_flags=pygame.BLEND_PREMULTIPLIED)


@functools.lru_cache(maxsize=256)
def text(words: str, height: int, widest: int, colour: Colour) -> pygame.Surface | None:
    """The words in letters of ``height`` pixels, less where they would be wider than ``widest``; None if too small."""
    if height < SMALLEST_TEXT:
        return None
    if not pygame.font.get_init():
        pygame.font.init()
    # A Font dies with pygame.quit(), which any Gymnasium world calls: it is never kept, only what it wrote.
    large = pygame.font.Font(None, FACTOR * height).render(words, True, colour)
    scale = min(1.0 / FACTOR, widest / large.get_width())
    width, high = max(1, round(large.get_width() * scale)), round(large.get_height() * scale)
    # Scaled down, letters keep their distances; written small, they would snap to whole pixels.
    return pygame.transform.smoothscale(large, (width, high)) if high >= SMALLEST_TEXT else None


def write(
    surface: pygame.Surface, words: str, centre: tuple[int, int], height: int, widest: int, colour: Colour
) -> None:
    """Write words around a centre, all in pixels; nothing where there is no room for letters."""
    picture = text(words, height, widest, colour)
    if picture is not None:
        surface.blit(picture, picture.get_rect(center=centre))
