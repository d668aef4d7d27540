"""The names of a Tensor's methods: NumPy's, and those of PyTorch's that mean the same or are new.

One line is one method: its name and parameters, and what it is of the Tensor ``t``, in NumPy.
:mod:`autograd_lite.methods` makes a function of a line when it is first called, and editors read
the same lines with types in ``typed_methods.pyi``. Whoever has an `axis` or `keepdims` takes
PyTorch's `dim` and `keepdim` as well. Where the two libraries give one name two meanings, the
meaning is NumPy's: docs/coming_from.md lists those.
"""

from __future__ import annotations

ELEMENTWISE = """
abs absolute acos acosh arccos arccosh arcsin arcsinh arctan arctanh asin asinh atan atanh ceil conj
conjugate cos cosh deg2rad exp exp2 expm1 floor isfinite isinf isnan isneginf isposinf log log10
log1p log2 logical_not neg negative rad2deg reciprocal relu sgn sigmoid sign signbit sin sinh sqrt
square tan tanh trunc"""
"""``t.exp()`` is ``np.exp(t)``: the primitive itself, with nothing in between."""

RENAMED = {"neg": "negative", "sgn": "sign", "conj": "conjugate", "abs": "absolute"}
"""What NumPy calls some of them."""

NUMPY = """
sum(axis=None, dtype=None, out=None, keepdims=False, **more) =
    reduced(np.sum, t, axis, dtype, out, keepdims, more)
prod(axis=None, dtype=None, out=None, keepdims=False, **more) =
    reduced(np.prod, t, axis, dtype, out, keepdims, more)
mean(axis=None, dtype=None, out=None, keepdims=False, **more) =
    reduced(np.mean, t, axis, dtype, out, keepdims, more)
var(axis=None, dtype=None, out=None, ddof=0, keepdims=False, **more) =
    variance(np.var, t, axis, dtype, out, ddof, keepdims, more)
std(axis=None, dtype=None, out=None, ddof=0, keepdims=False, **more) =
    variance(np.std, t, axis, dtype, out, ddof, keepdims, more)
max(axis=None, out=None, keepdims=False, **more) =
    reduced(np.max, t, axis, None, out, keepdims, more)
min(axis=None, out=None, keepdims=False, **more) =
    reduced(np.min, t, axis, None, out, keepdims, more)
any(axis=None, out=None, keepdims=False, **more) =
    reduced(np.any, t, axis, None, out, keepdims, more)
all(axis=None, out=None, keepdims=False, **more) =
    reduced(np.all, t, axis, None, out, keepdims, more)
argmax(axis=None, out=None, *, keepdims=False)
argmin(axis=None, out=None, *, keepdims=False)
cumsum(axis=None, dtype=None, out=None)
cumprod(axis=None, dtype=None, out=None)
argsort(axis=-1, kind=None, order=None, **more) = argsort(t, axis, kind, order, more)
argpartition(kth, axis=-1, kind='introselect', order=None)
searchsorted(v, side='left', sorter=None)
ravel(order='C')
squeeze(axis=None)
swapaxes(axis1, axis2)
take(indices, axis=None, out=None, mode='raise')
choose(choices, out=None, mode='raise')
repeat(repeats, axis=None)
diagonal(offset=0, axis1=0, axis2=1)
trace(offset=0, axis1=0, axis2=1, dtype=None, out=None)
clip(min=None, max=None, out=None, **more)
round(decimals=0, out=None)
copy(order='C')
reshape(*shape, order='C', copy=None)        = reshape(t, shape, order, copy)
transpose(*axes)                             = transpose(t, axes)
flatten(start_dim=0, end_dim=-1, order='C')  = flatten(t, start_dim, end_dim, order)
compress(condition, axis=None, out=None)     = full(np.compress, condition, t, axis, out)
nonzero(*, as_tuple=True)                    = full(np.nonzero if as_tuple else np.argwhere, t)
dot(b, out=None)                             = dot(t, b, out)
astype(dtype, order='K', casting='unsafe', subok=True, copy=True) = astype(t, dtype, order, casting)
__round__(ndigits=None)                      = t.round(ndigits or 0)
__divmod__(other)                            = np.divmod(t, other)
__rdivmod__(other)                           = np.divmod(other, t)
"""
"""What NumPy's arrays have; where no ``=`` follows, it is the function of that name."""

PYTORCH = """
view(*shape)                             = view(t, shape)
view_as(other)                           = t.reshape(other.shape)
reshape_as(other)                        = t.reshape(other.shape)
unflatten(dim, sizes)                    = unflatten(t, dim, sizes)
permute(*dims)                           = np.transpose(t, unpacked(dims))
t()                                      = transposed(t)
adjoint()                                = np.conjugate(np.matrix_transpose(t))
unsqueeze(dim)                           = np.expand_dims(t, dim)
movedim(source, destination)             = np.moveaxis(t, source, destination)
moveaxis(source, destination)            = np.moveaxis(t, source, destination)
swapdims(dim0, dim1)                     = np.swapaxes(t, dim0, dim1)
expand(*sizes)                           = expand(t, unpacked(sizes))
expand_as(other)                         = np.broadcast_to(t, other.shape)
broadcast_to(*size)                      = np.broadcast_to(t, unpacked(size))
tile(*dims)                              = np.tile(t, unpacked(dims))
repeat_interleave(repeats, dim=None)     = np.repeat(t, repeats, axis=dim)
flip(*dims)                              = np.flip(t, unpacked(dims) or None)
fliplr()                                 = np.fliplr(t)
flipud()                                 = np.flipud(t)
rot90(k=1, dims=(0, 1))                  = np.rot90(t, k, tuple(dims))
roll(shifts, dims=None)                  = np.roll(t, shifts, dims)
tril(diagonal=0)                         = np.tril(t, diagonal)
triu(diagonal=0)                         = np.triu(t, diagonal)
diag(diagonal=0)                         = np.diag(t, diagonal)
diagflat(offset=0)                       = np.diagflat(t, offset)
split(split_size, dim=0)                 = split(t, split_size, dim)
chunk(chunks, dim=0)                     = split(t, max(1, -(-t.shape[dim] // chunks)), dim)
tensor_split(sections, dim=0)            = tuple(np.array_split(t, sections, dim))
split_with_sizes(split_sizes, dim=0)     = split(t, split_sizes, dim)
hsplit(sections)                         = tuple(np.hsplit(t, sections))
vsplit(sections)                         = tuple(np.vsplit(t, sections))
dsplit(sections)                         = tuple(np.dsplit(t, sections))
unbind(dim=0)                            = tuple(np.moveaxis(t, dim, 0))
select(dim, index)                       = np.take(t, index, axis=dim)
narrow(dim, start, length)               = t[rows(t, dim, slice(start, start + length))]
index_select(dim, index)                 = np.take(t, index, axis=dim)
take_along_dim(indices, dim=None)        = np.take_along_axis(t, numbers(indices), axis=dim)
gather(dim, index)                       = gather(t, dim, index)
argwhere()                               = np.argwhere(t)
masked_select(mask)                      = t[mask]
masked_fill(mask, value)                 = np.where(mask, value, t)
where(condition, other)                  = np.where(condition, t, other)
scatter(dim, index, src=None, *, value=None) = scatter(t, dim, index, src, value)
scatter_add(dim, index, src)             = scatter_add(t, dim, index, src)
index_add(dim, index, source, *, alpha=1) = t.at[rows(t, dim, index)].add(alpha * source)
index_fill(dim, index, value)            = t.at[rows(t, dim, index)].set(value)
add(other, *, alpha=1)                   = t + (other if alpha == 1 else alpha * other)
sub(other, *, alpha=1)                   = t - (other if alpha == 1 else alpha * other)
subtract(other, *, alpha=1)              = t - (other if alpha == 1 else alpha * other)
mul(other)                               = t * other
multiply(other)                          = t * other
div(other, *, rounding_mode=None)        = divide(t, other, rounding_mode)
divide(other, *, rounding_mode=None)     = divide(t, other, rounding_mode)
true_divide(other)                       = t / other
floor_divide(other)                      = t // other
remainder(other)                         = t % other
fmod(other)                              = np.fmod(t, other)
frac()                                   = t - np.trunc(t)
fix()                                    = np.trunc(t)
pow(exponent)                            = t ** exponent
float_power(exponent)                    = np.float_power(t, exponent)
rsqrt()                                  = 1 / np.sqrt(t)
positive()                               = +t
angle()                                  = np.angle(t)
sinc()                                   = np.sinc(t)
lerp(end, weight)                        = t + weight * (end - t)
addcmul(tensor1, tensor2, *, value=1)    = t + value * (tensor1 * tensor2)
addcdiv(tensor1, tensor2, *, value=1)    = t + value * (tensor1 / tensor2)
maximum(other)                           = np.maximum(t, other)
minimum(other)                           = np.minimum(t, other)
fmax(other)                              = np.fmax(t, other)
fmin(other)                              = np.fmin(t, other)
clamp(min=None, max=None)                = np.clip(t, min, max)
clamp_min(min)                           = np.clip(t, min, None)
clamp_max(max)                           = np.clip(t, None, max)
nan_to_num(nan=0.0, posinf=None, neginf=None) =
    np.nan_to_num(t, nan=nan, posinf=posinf, neginf=neginf)
hypot(other)                             = np.hypot(t, other)
atan2(other)                             = np.arctan2(t, other)
arctan2(other)                           = np.arctan2(t, other)
logaddexp(other)                         = np.logaddexp(t, other)
logaddexp2(other)                        = np.logaddexp2(t, other)
copysign(other)                          = np.copysign(t, other)
heaviside(values)                        = np.heaviside(t, values)
erf()                                    = activations.erf(t)
eq(other)                                = t == other
ne(other)                                = t != other
lt(other)                                = t < other
le(other)                                = t <= other
gt(other)                                = t > other
ge(other)                                = t >= other
not_equal(other)                         = t != other
less(other)                              = t < other
less_equal(other)                        = t <= other
greater(other)                           = t > other
greater_equal(other)                     = t >= other
logical_and(other)                       = np.logical_and(t, other)
logical_or(other)                        = np.logical_or(t, other)
logical_xor(other)                       = np.logical_xor(t, other)
bitwise_and(other)                       = t & other
bitwise_or(other)                        = t | other
bitwise_xor(other)                       = t ^ other
bitwise_not()                            = ~t
isclose(other, rtol=1e-05, atol=1e-08, equal_nan=False) =
    np.isclose(t, other, rtol, atol, equal_nan)
allclose(other, rtol=1e-05, atol=1e-08, equal_nan=False) =
    bool(np.allclose(t, other, rtol, atol, equal_nan))
equal(other)                             = bool(np.array_equal(t, other))
matmul(other)                            = t @ other
mm(mat2)                                 = t @ mat2
bmm(mat2)                                = t @ mat2
mv(vec)                                  = t @ vec
inner(other)                             = np.inner(t, other)
outer(vec2)                              = np.outer(t, vec2)
ger(vec2)                                = np.outer(t, vec2)
vdot(other)                              = np.vdot(t, other)
cross(other, dim=-1)                     = np.cross(t, other, axis=dim)
kron(other)                              = np.kron(t, other)
addmm(mat1, mat2, *, beta=1, alpha=1)    = beta * t + alpha * (mat1 @ mat2)
addmv(mat, vec, *, beta=1, alpha=1)      = beta * t + alpha * (mat @ vec)
baddbmm(batch1, batch2, *, beta=1, alpha=1) = beta * t + alpha * (batch1 @ batch2)
addbmm(batch1, batch2, *, beta=1, alpha=1) = beta * t + alpha * np.sum(batch1 @ batch2, axis=0)
addr(vec1, vec2, *, beta=1, alpha=1)     = beta * t + alpha * np.outer(vec1, vec2)
det()                                    = np.linalg.det(t)
logdet()                                 = np.log(np.linalg.det(t))
inverse()                                = np.linalg.inv(t)
pinverse()                               = np.linalg.pinv(t)
matrix_power(n)                          = np.linalg.matrix_power(t, n)
dist(other, p=2)                         = norm(t - other, p, None, False)
norm(p=2, axis=None, keepdims=False)     = norm(t, p, axis, keepdims)
softmax(dim, dtype=None)                 = along_axis(neural.softmax, t, dim, dtype)
log_softmax(dim, dtype=None)             = along_axis(neural.log_softmax, t, dim, dtype)
logsumexp(dim, keepdims=False)           = logsumexp(t, dim, keepdims)
amax(axis=None, keepdims=False)          = np.max(t, axis=axis, keepdims=keepdims)
amin(axis=None, keepdims=False)          = np.min(t, axis=axis, keepdims=keepdims)
nansum(axis=None, keepdims=False)        = np.nansum(t, axis=axis, keepdims=keepdims)
nanmean(axis=None, keepdims=False)       = np.nanmean(t, axis=axis, keepdims=keepdims)
count_nonzero(axis=None)                 = np.count_nonzero(t, axis)
quantile(q, axis=None, keepdims=False, *, interpolation='linear') =
    np.quantile(t, q, axis=axis, method=interpolation, keepdims=keepdims)
aminmax(*, axis=None, keepdims=False)    =
    (np.min(t, axis=axis, keepdims=keepdims), np.max(t, axis=axis, keepdims=keepdims))
nanquantile(q, axis=None, keepdims=False, *, interpolation='linear') =
    np.nanquantile(t, q, axis=axis, method=interpolation, keepdims=keepdims)
diff(n=1, axis=-1)                       = np.diff(t, n, axis)
cov(*, correction=1)                     = np.cov(t, ddof=correction)
corrcoef()                               = np.corrcoef(t)
bincount(weights=None, minlength=0)      = np.bincount(t, weights, minlength)
topk(k, axis=-1, largest=True, sorted=True) = topk(t, k, axis, largest)
multinomial(num_samples, replacement=False, *, generator=None) =
    multinomial(t, num_samples, replacement, generator)
bernoulli(*, generator=None)             = bernoulli(t, generator)
clone()                                  = t.copy()
contiguous()                             = t
to(*target, dtype=None, device=None, non_blocking=False, copy=False) =
    to(t, target, dtype, device, copy)
cpu()                                    = t
type(dtype=None)                         = retyped(t, dtype)
type_as(other)                           = t.astype(other.dtype)
float()                                  = t.astype(np.float32)
double()                                 = t.astype(np.float64)
half()                                   = t.astype(np.float16)
cfloat()                                 = t.astype(np.complex64)
cdouble()                                = t.astype(np.complex128)
long()                                   = t.astype(np.int64)
int()                                    = t.astype(np.int32)
short()                                  = t.astype(np.int16)
char()                                   = t.astype(np.int8)
byte()                                   = t.astype(np.uint8)
bool()                                   = t.astype(np.bool_)
new_zeros(*size, dtype=None)             = new(t, 0, size, dtype)
new_ones(*size, dtype=None)              = new(t, 1, size, dtype)
new_empty(*size, dtype=None)             = new(t, 0, size, dtype)
new_full(size, fill_value, dtype=None)   = new(t, fill_value, (size,), dtype)
new_tensor(data, dtype=None)             = Tensor(data, dtype=t.dtype if dtype is None else dtype)
numel()                                  = t._value.size
nelement()                               = t._value.size
dim()                                    = t.ndim
ndimension()                             = t.ndim
element_size()                           = t.itemsize
is_floating_point()                      = t.dtype.kind == 'f'
is_complex()                             = t.dtype.kind == 'c'
is_signed()                              = t.dtype.kind != 'u' and t.dtype.kind != 'b'
is_same_size(other)                      = t.shape == tuple(other.shape)
is_nonzero()                             = bool(t != 0)
is_contiguous()                          = True
get_device()                             = -1
zero_()                                  = write(t, 'zero_', lambda: np.zeros_like(t))
fill_(value)                             = write(t, 'fill_', lambda: value)
copy_(src, non_blocking=False)           = write(t, 'copy_', lambda: src)
fill_diagonal_(fill_value) =
    write(t, 'fill_diagonal_', lambda: np.where(np.eye(*t.shape, dtype=np.bool_), fill_value, t))
normal_(mean=0, std=1, *, generator=None) =
    write(t, 'normal_', lambda: rng(generator).normal(mean, std, t.shape))
uniform_(low=0, high=1, *, generator=None) =
    write(t, 'uniform_', lambda: rng(generator).uniform(low, high, t.shape))
bernoulli_(p=0.5, *, generator=None) =
    write(t, 'bernoulli_', lambda: rng(generator).random(t.shape) < numbers(p))
exponential_(lambd=1, *, generator=None) =
    write(t, 'exponential_', lambda: rng(generator).exponential(1 / lambd, t.shape))
"""
"""What PyTorch's have beyond that: each is these words of NumPy."""

WRITING = """
abs absolute acos acosh add addbmm addcdiv addcmul addmm addmv addr arccos arccosh arcsin arcsinh
arctan arctan2 arctanh asin asinh atan atan2 atanh baddbmm bitwise_and bitwise_not bitwise_or
bitwise_xor ceil clamp clamp_max clamp_min clip copysign cos cosh cumprod cumsum deg2rad div divide
eq erf exp exp2 expm1 fix float_power floor floor_divide fmod frac ge greater greater_equal gt
heaviside hypot index_add index_fill le lerp less less_equal log log10 log1p log2 logical_and
logical_not logical_or logical_xor lt masked_fill mul multiply nan_to_num ne neg negative not_equal
pow rad2deg reciprocal relu remainder round rsqrt scatter scatter_add sgn sigmoid sign sin sinc sinh
sqrt square sub subtract tan tanh tril triu true_divide trunc"""
"""``t.add_(y)`` writes ``t.add(y)`` into ``t``, where an optimizer's step may: see `inplace`."""

PROPERTIES = {
    "T": "np.transpose(t, axes=None)",
    "mT": "full(np.matrix_transpose, t)",
    "H": "np.conjugate(np.transpose(t, axes=None))",
    "mH": "np.conjugate(full(np.matrix_transpose, t))",
    "flat": "full(np.ravel, t)",
    "real": "np.real(t)",
    "imag": "np.imag(t)",
    "itemsize": "t._value.itemsize",
    "nbytes": "t._value.nbytes",
    "device": "CPU",
    "is_cuda": "False",
}

REFUSED = {
    "sort": "np.sort(t) for the values and np.argsort(t) for their places",
    "partition": "np.partition(t, kth)",
    "put": "t.at[index].set(v)",
    "fill": "np.full_like(t, value)",
    "resize": "np.resize(t, shape)",
}
"""What of an array writes into it, and no `no_grad` goes with it."""

ELSEWHERE = {
    "values": "np.max(t, axis) and np.sort(t) return the values themselves, t.numpy() is an array",
    "indices": "np.argmax(t, axis), np.argmin(t, axis) and np.argsort(t) return indices",
    "median nanmedian": "np.median(t) is the median, and of an even count the mean of the middle "
    "two, where PyTorch takes the lower",
    "mode unique unique_consecutive msort kthvalue histc histogram": "write it in NumPy, as "
    "np.unique(t.numpy()), np.sort(t, axis)[k - 1] or np.histogram(t.numpy())",
    "cummax cummin logcumsumexp": "np.maximum.accumulate(t), np.minimum.accumulate(t) or "
    "np.logaddexp.accumulate(t) is that",
    "slogdet svd qr cholesky cholesky_inverse cholesky_solve solve lstsq eig symeig geqrf orgqr "
    "ormqr triangular_solve": "it is a function of np.linalg, as in np.linalg.svd(t)",
    "erfc erfc_ erfinv erfinv_ lgamma lgamma_ digamma digamma_ polygamma polygamma_ mvlgamma "
    "mvlgamma_ i0 i0_ xlogy xlogy_ logit logit_ igamma igamma_ igammac igammac_": "it is a "
    "function of scipy.special",
    "lu lu_solve matrix_exp": "it is a function of scipy.linalg",
    "squeeze_ unsqueeze_ transpose_ t_ swapaxes_ swapdims_ resize_ resize_as_": "a new shape is a "
    "new value, t = t.reshape(shape)",
    "slice_scatter select_scatter diagonal_scatter index_reduce index_reduce_ "
    "index_put index_put_ index_copy index_copy_ masked_scatter masked_scatter_ put_ "
    "scatter_reduce scatter_reduce_": "write t.at[index].set(v) or t.at[index].add(v), which "
    "returns another, or t[index] = v inside `with no_grad():`",
    "unfold as_strided stride storage storage_offset untyped_storage data_ptr": "how the numbers "
    "lie in memory is NumPy's affair: np.lib.stride_tricks works on t.numpy()",
    "grad_fn": "t.tape.primitive is what made it, and draw(t) shows the graph",
    "register_hook register_post_accumulate_grad_hook": "t.retain_grad() keeps the gradient of an "
    "interior value, and t.grad is an array that you may change",
    "detach_": "write t = t.detach()",
    "apply_ map_ map2_": "write it in NumPy's functions, with np.where for its ifs",
    "random_ geometric_ cauchy_ log_normal_": "draw with a numpy.random.Generator, as in "
    "t[...] = rng.integers(0, 10, t.shape) inside `with no_grad():`",
    "stft istft": "np.fft has the transforms, as in np.fft.rfft(t)",
    "cuda xpu ipu mtia pin_memory share_memory_ is_pinned bfloat16 volatile": "all is computed by "
    "NumPy, on the CPU and in its dtypes",
    "to_dense to_sparse to_sparse_bsc to_sparse_bsr to_sparse_coo to_sparse_csc to_sparse_csr "
    "coalesce is_sparse is_sparse_csr is_coalesced sparse_dim dense_dim sparse_mask sparse_resize_ "
    "sparse_resize_and_clear_ resize_as_sparse_ smm sspaddmm row_indices col_indices crow_indices "
    "ccol_indices layout to_mkldnn to_padded_tensor is_mkldnn is_nested": "all Tensors are dense",
    "dequantize int_repr qscheme q_scale q_zero_point q_per_channel_axis q_per_channel_scales "
    "q_per_channel_zero_points is_quantized": "no Tensor is quantized",
    "is_cpu is_ipu is_maia is_meta is_mps is_mtia is_vulkan is_xla is_xpu is_distributed is_shared "
    "record_stream": "t.device is 'cpu', for all",
    "conj_physical conj_physical_ resolve_conj resolve_neg is_conj is_neg": "t.conj() and -t are "
    "computed at once",
    "gcd gcd_ lcm lcm_ bitwise_left_shift bitwise_left_shift_ bitwise_right_shift "
    "bitwise_right_shift_ nextafter nextafter_ frexp ldexp ldexp_ isreal": "write the function of "
    "NumPy's of that name, of t.numpy()",
    "diag_embed": "write t[..., None] * np.eye(t.shape[-1])",
    "sum_to_size": "write t.sum(axis, keepdims=True)",
    "prelu hardshrink renorm renorm_": "write it with np.where",
    "retains_grad output_nr grad_dtype is_inference reinforce": "t.tape has what the tape knows, "
    "and t.retain_grad() keeps a gradient",
    "new chalf as_subclass module_load set_ is_set_to storage_type hash_tensor dim_order "
    "const_data_ptr as_strided_ as_strided_scatter slice_inverse new_empty_strided nonzero_static "
    "narrow_copy resize_as unsafe_chunk unsafe_split unsafe_split_with_sizes index": "nothing is "
    "called so here: dir(t) lists the methods",
}
"""What means something elsewhere: no attribute, and the error says what to write."""

RECORD = "primitive operands parents parameters line call upstream rule_of sweep stopped asks"
"""What the tape knows of a Tensor, which stands apart, in ``t.tape``."""
