import torch
from ending import tell

torch.manual_seed(9)
calls = []


class Named(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        calls.append(getattr(func, "__name__", str(func)))
        return super().__torch_function__(func, types, args, kwargs or {})


w = torch.randn(4, 2).as_subclass(Named).requires_grad_()
plain = torch.randn(4, 2, requires_grad=True)
for _ in range(12):
    x = torch.randn(6, 4)
    loss = ((x @ w).clamp(-1, 1) ** 2).mean()
    loss.backward()
    other = ((x @ plain) * (x @ w).detach().as_subclass(torch.Tensor)).clamp(-1, 1).mean()
    other.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
        plain -= 0.1 * plain.grad
    print(repr(loss.item()), repr(other.item()))
tell(w.as_subclass(torch.Tensor), plain, calls=len(calls))
