//! Pictures of people, drawn here: a head, hair, eyes and a smile on two colours, or a robot.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};

use crate::base::error::{Error, Result};

/// How somebody looks. Colours are `0xRRGGBB`.
#[derive(Debug, Clone, Copy)]
pub struct Face {
    background: [u32; 2],
    skin: u32,
    hair: u32,
    shirt: u32,
    style: Hair,
    has_glasses: bool,
}

/// How hair is worn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hair {
    Short,
    Long,
    Bun,
    Curls,
    /// A robot has none.
    Antenna,
}

/// Edge of a picture, in pixels: as large as the largest that is kept.
const EDGE: u32 = 384;
const INK: u32 = 0x2a211d;

/// A shape: how far inside of it a point is, in units of the edge.
type Shape<'a> = &'a dyn Fn(f32, f32) -> f32;

impl Face {
    pub const fn new(background: [u32; 2], skin: u32, hair: u32, shirt: u32, style: Hair) -> Self {
        Self { background, skin, hair, shirt, style, has_glasses: false }
    }

    pub const fn with_glasses(self) -> Self {
        Self { has_glasses: true, ..self }
    }

    /// The picture as PNG.
    ///
    /// # Errors
    /// `internal` if it cannot be encoded.
    pub fn draw(&self) -> Result<Vec<u8>> {
        let mut canvas = Canvas::new(self.background);
        self.draw_shoulders(&mut canvas);
        match self.style {
            Hair::Antenna => self.draw_robot(&mut canvas),
            _ => self.draw_head(&mut canvas),
        }
        let mut bytes = Cursor::new(Vec::new());
        canvas.pixels.write_to(&mut bytes, ImageFormat::Png).map_err(Error::internal)?;
        Ok(bytes.into_inner())
    }

    fn draw_shoulders(&self, canvas: &mut Canvas) {
        canvas.fill(self.shirt, &ellipse(0.5, 1.02, 0.37, 0.25));
        canvas.fill(darker(self.skin), &pill(0.5, 0.72, 0.075, 0.1));
    }

    fn draw_head(&self, canvas: &mut Canvas) {
        let hair = self.hair;
        match self.style {
            Hair::Long => {
                canvas.fill(hair, &ellipse(0.5, 0.42, 0.255, 0.27));
                for x in [0.29, 0.71] {
                    canvas.fill(hair, &pill(x, 0.58, 0.075, 0.2));
                }
            }
            Hair::Bun => {
                canvas.fill(hair, &ellipse(0.5, 0.13, 0.095, 0.085));
                canvas.fill(hair, &ellipse(0.5, 0.38, 0.235, 0.225));
            }
            Hair::Curls => {
                for step in 0..9_u8 {
                    let angle = std::f32::consts::PI * (0.86 + f32::from(step) * 0.16);
                    let (x, y) = (0.5 + 0.205 * angle.cos(), 0.41 + 0.215 * angle.sin());
                    canvas.fill(hair, &ellipse(x, y, 0.085, 0.085));
                }
            }
            Hair::Short | Hair::Antenna => canvas.fill(hair, &ellipse(0.5, 0.39, 0.225, 0.22)),
        }
        for x in [0.3, 0.7] {
            canvas.fill(darker(self.skin), &ellipse(x, 0.48, 0.035, 0.05));
        }
        let head = ellipse(0.5, 0.47, 0.195, 0.235);
        canvas.fill(self.skin, &head);
        // The fringe: what of the head is above a slanted arc.
        let arc = ellipse(0.56, 0.56, 0.3, 0.26);
        canvas.fill(hair, &|x, y| (head(x, y) + 0.004).min(-arc(x, y)));
        for x in [0.425, 0.575] {
            canvas.fill(INK, &ellipse(x, 0.485, 0.02, 0.026));
        }
        self.draw_smile(canvas, 0.5, 0.555);
        if self.has_glasses {
            for x in [0.425, 0.575] {
                canvas.fill(INK, &ring(x, 0.487, 0.062, 0.011));
            }
            canvas.fill(INK, &pill(0.5, 0.482, 0.016, 0.007));
        }
    }

    /// The lower half of a ring.
    fn draw_smile(&self, canvas: &mut Canvas, x: f32, y: f32) {
        let mouth = ring(x, y, 0.07, 0.012);
        canvas.fill(INK, &|at_x, at_y| mouth(at_x, at_y).min(at_y - y - 0.022));
    }

    fn draw_robot(&self, canvas: &mut Canvas) {
        canvas.fill(darker(self.skin), &pill(0.5, 0.2, 0.014, 0.07));
        canvas.fill(self.hair, &ellipse(0.5, 0.13, 0.042, 0.042));
        canvas.fill(self.skin, &block(0.5, 0.46, 0.23, 0.2, 0.08));
        canvas.fill(0x11264a, &block(0.5, 0.44, 0.18, 0.1, 0.07));
        for x in [0.42, 0.58] {
            canvas.fill(self.hair, &ellipse(x, 0.44, 0.036, 0.042));
        }
        self.draw_smile(canvas, 0.5, 0.54);
    }
}

struct Canvas {
    pixels: RgbImage,
}

impl Canvas {
    /// One colour at the top that becomes the other towards the bottom.
    fn new([top, bottom]: [u32; 2]) -> Self {
        let row = |y: u32| mixed(rgb(top), rgb(bottom), y as f32 / EDGE as f32);
        Self { pixels: RgbImage::from_fn(EDGE, EDGE, |_, y| Rgb(row(y))) }
    }

    /// Fills a shape; its edge is smooth over about a pixel.
    fn fill(&mut self, colour: u32, shape: Shape<'_>) {
        let (edge, colour) = (EDGE as f32, rgb(colour));
        for (x, y, pixel) in self.pixels.enumerate_pixels_mut() {
            let inside = shape((x as f32 + 0.5) / edge, (y as f32 + 0.5) / edge);
            let cover = (inside * edge + 0.5).clamp(0.0, 1.0);
            if cover > 0.0 {
                pixel.0 = mixed(pixel.0, colour, cover);
            }
        }
    }
}

fn ellipse(x: f32, y: f32, width: f32, height: f32) -> impl Fn(f32, f32) -> f32 {
    move |at_x, at_y| {
        let away = ((at_x - x) / width).hypot((at_y - y) / height);
        (1.0 - away) * width.min(height)
    }
}

fn ring(x: f32, y: f32, radius: f32, width: f32) -> impl Fn(f32, f32) -> f32 {
    move |at_x, at_y| width / 2.0 - ((at_x - x).hypot(at_y - y) - radius).abs()
}

/// A rectangle with round corners, by the halves of its sides.
fn block(x: f32, y: f32, width: f32, height: f32, corner: f32) -> impl Fn(f32, f32) -> f32 {
    move |at_x, at_y| {
        let beyond = |at: f32, half: f32| (at.abs() - half + corner).max(0.0);
        corner - beyond(at_x - x, width).hypot(beyond(at_y - y, height))
    }
}

/// An upright or lying block whose short sides are round.
fn pill(x: f32, y: f32, width: f32, height: f32) -> impl Fn(f32, f32) -> f32 {
    block(x, y, width, height, width.min(height))
}

fn rgb(colour: u32) -> [u8; 3] {
    let [_, red, green, blue] = colour.to_be_bytes();
    [red, green, blue]
}

fn darker(colour: u32) -> u32 {
    let [red, green, blue] = mixed(rgb(colour), rgb(INK), 0.12);
    u32::from_be_bytes([0, red, green, blue])
}

/// So much of `other` over `one`.
fn mixed(one: [u8; 3], other: [u8; 3], part: f32) -> [u8; 3] {
    let mut both = [0; 3];
    for (both, (one, other)) in both.iter_mut().zip(one.into_iter().zip(other)) {
        *both = (f32::from(one) * (1.0 - part) + f32::from(other) * part).round() as u8;
    }
    both
}
